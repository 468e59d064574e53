<?php
/**
 * Addresses that open one file at a CDN for a while: a pure function for each way of signing, the same as the sidecar's
 * (tests/vectors/cdn.json). Knows nothing of WordPress; until when is an argument.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * `$end`: until when, Unix seconds.
 */
final class Cdn_Links {

	/** SHA-256, without white space, of keys that stand in documentations: our snippet's, bunny.net's, CloudFront's. */
	const PUBLISHED = array(
		'3620c2d044d3497cb1d96e0f82f0ad9ac83607e3ddf68e5a4ca93446e3ecf8a4',
		'805daeb76fc8a2a118b84dc13082bfbee23839b525a6f9fa2181aaacad8fa90f',
		'12bb36d8a8ff8110ce0c56c0dc6e072458d37c5748f6a6ec81094ff77d3b60b9',
	);

	/** Whether a text may be a key: long enough, and not known to everybody. @param string $key A text, or an RSA key in PEM. */
	public static function is_key( string $key ): bool {
		return strlen( $key ) >= 16 && ! in_array( hash( 'sha256', (string) preg_replace( '/\s+/', '', $key ) ), self::PUBLISHED, true );
	}

	/**
	 * Signed as nginx does: `secure_link_md5 "$secure_link_expires$uri$remote_addr <key>"`; `$uri` is the decoded path.
	 *
	 * @param string $url         Address.
	 * @param string $key         Shared with the CDN.
	 * @param int    $end         See above.
	 * @param string $remote_addr '': opens for everybody.
	 */
	public static function secure_link( string $url, string $key, int $end, string $remote_addr = '' ): string {
		$digest = md5( $end . rawurldecode( self::path( $url ) ) . $remote_addr . ' ' . $key, true );
		return self::with( $url, array( 'md5' => Signature::base64url( $digest ), 'expires' => $end ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/**
	 * Signed by bunny.net's token authentication, version HS256: path, end, and the parameters in the order of their names.
	 *
	 * @param string $url Address.
	 * @param string $key The pull zone's.
	 * @param int    $end See above.
	 */
	public static function bunny( string $url, string $key, int $end ): string {
		list( $plain, $query ) = explode( '?', $url, 2 ) + array( '', '' );
		parse_str( $query, $parameters );
		$signed = $parameters;
		ksort( $signed, SORT_STRING );
		$signed = urldecode( http_build_query( $signed ) );
		$mac    = Signature::base64url( hash_hmac( 'sha256', self::path( $url ) . $end . $signed, $key, true ) );
		return self::with( $plain, array( 'token' => 'HS256-' . $mac ) + $parameters + array( 'expires' => $end ) );
	}

	/**
	 * Signed with Amazon CloudFront's canned policy, RSA-SHA1; '' for another key than RSA's, or where PHP has no openssl.
	 *
	 * @param string $url    Address.
	 * @param string $key    Private key in PEM.
	 * @param int    $end    See above.
	 * @param string $key_id Key-Pair-Id.
	 */
	public static function cloudfront( string $url, string $key, int $end, string $key_id ): string {
		$private = function_exists( 'openssl_sign' ) ? openssl_pkey_get_private( $key ) : false;
		if ( ! $private || OPENSSL_KEYTYPE_RSA !== openssl_pkey_get_details( $private )['type'] ) {
			return '';
		}
		$policy = '{"Statement":[{"Resource":"' . $url . '","Condition":{"DateLessThan":{"AWS:EpochTime":' . $end . '}}}]}';
		if ( ! openssl_sign( $policy, $signature, $private, OPENSSL_ALGO_SHA1 ) ) {
			return '';
		}
		$signature = strtr( base64_encode( $signature ), '+=/', '-_~' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of the scheme.
		return self::with( $url, array( 'Expires' => $end, 'Signature' => $signature, 'Key-Pair-Id' => $key_id ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** The path of an address, as it is written. @param string $url Address. */
	private static function path( string $url ): string {
		return (string) parse_url( $url, PHP_URL_PATH ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- knows nothing of WordPress.
	}

	/** An address with further parameters. @param string $url Address. @param array $parameters Name => value. */
	private static function with( string $url, array $parameters ): string {
		return $url . ( false === strpos( $url, '?' ) ? '?' : '&' ) . http_build_query( $parameters, '', '&', PHP_QUERY_RFC3986 );
	}
}
