<?php
/**
 * What a token of the sidecar says of itself, and whether the sidecar has signed it (contract, part 5). Knows nothing of WordPress.
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
	 * Whether the sidecar has signed a token. One token has one spelling.
	 *
	 * @param string   $token   As it came.
	 * @param string   $purpose What it is for: download, webhook, source.
	 * @param string[] $keys    Settings::link_keys(); a sidecar with keys of its own (SMI_LINK_KEYS) signs by none of them.
	 */
	public static function is_signed( string $token, string $purpose, array $keys ): bool {
		$payload = substr( $token, 0, (int) strrpos( $token, '.' ) );
		foreach ( $keys as $key ) {
			$mac = hash_hmac( 'sha256', $payload, hash_hmac( 'sha256', 'smi-sidecar/' . $purpose, $key, true ), true );
			if ( hash_equals( $payload . '.' . Signature::base64url( $mac ), $token ) ) {
				return true;
			}
		}
		return false;
	}

	/**
	 * What a download link says of itself, or null: it is none. See is_signed().
	 *
	 * @param string $token As it came.
	 * @return array|null {site: '' in those of version 1.0, job_id, attempt, end: Unix seconds}
	 */
	public static function link( string $token ): ?array {
		$list = strlen( $token ) > 2048 ? array() : self::payload( $token );
		if ( 3 === count( $list ) ) {
			array_unshift( $list, '' );
		}
		if ( 4 !== count( $list ) || ! is_string( $list[0] ) || ! is_string( $list[1] ) || ! is_int( $list[2] ) || ! is_int( $list[3] ) ) {
			return null;
		}
		return array_combine( array( 'site', 'job_id', 'attempt', 'end' ), $list );
	}
}
