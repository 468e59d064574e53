<?php
/**
 * What a token of the sidecar says of itself (contract, part 5). Only the sidecar can check its signature. Knows nothing of WordPress.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * `<payload>.<signature>` (itsdangerous): the payload is the base64url of a JSON list; behind a leading dot, of that compressed with zlib.
 */
final class Sidecar_Token {

	/**
	 * The list, as it was sent: nothing of it is proven. Empty: none that we can read.
	 *
	 * @param string $token As it came.
	 * @return array
	 */
	public static function payload( string $token ): array {
		$is_packed = '' !== $token && '.' === $token[0];
		$payload   = base64_decode( strtr( explode( '.', ltrim( $token, '.' ) )[0], '-_', '+/' ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_decode
		if ( $is_packed ) {
			$payload = function_exists( 'gzuncompress' ) ? @gzuncompress( (string) $payload, 4096 ) : ''; // phpcs:ignore WordPress.PHP.NoSilencedErrors.Discouraged -- what is no such payload is told by false.
		}
		$list = json_decode( (string) $payload, true );
		return is_array( $list ) ? array_values( $list ) : array();
	}

	/**
	 * What a download link says of itself, or null: it is none.
	 *
	 * @param string $token As it came.
	 * @return array|null {site: '' in those of version 1.0, job_id, attempt, end: Unix seconds}
	 */
	public static function link( string $token ): ?array {
		if ( strlen( $token ) > 2048 || ! preg_match( '/\.[A-Za-z0-9_-]{43}\z/', $token ) ) {
			return null; // It was cut off on its way.
		}
		$list = self::payload( $token );
		if ( 3 === count( $list ) ) {
			array_unshift( $list, '' );
		}
		if ( 4 !== count( $list ) || ! is_string( $list[0] ) || ! is_string( $list[1] ) || ! is_int( $list[2] ) || ! is_int( $list[3] ) ) {
			return null;
		}
		return array_combine( array( 'site', 'job_id', 'attempt', 'end' ), $list );
	}
}
