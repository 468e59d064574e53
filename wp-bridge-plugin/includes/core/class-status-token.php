<?php
/**
 * The secret that leads from a job's status to its file: `<end, Unix seconds>.<HMAC-SHA256 over status.job.end, base64url>`
 * (docs/contract.md, part 5). The sidecar reads it by the same rules. Knows nothing of WordPress; the clock is an argument.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Makes and checks it. One token has one spelling.
 */
final class Status_Token {

	const PURPOSE  = 'status'; // The key's, as TO_SHOP is a message's.
	const LIFETIME = 2592000;

	/**
	 * A token.
	 *
	 * @param string $key    HMAC key.
	 * @param string $job_id The job's id.
	 * @param int    $end    Until when it opens, Unix seconds.
	 */
	public static function make( string $key, string $job_id, int $end ): string {
		$mac = hash_hmac( 'sha256', 'status.' . $job_id . '.' . $end, $key, true );
		return $end . '.' . rtrim( strtr( base64_encode( $mac ), '+/', '-_' ), '=' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of the token.
	}

	/**
	 * Whether a token opens a job under any of the keys.
	 *
	 * @param string[] $keys   HMAC keys.
	 * @param string   $token  As it came.
	 * @param string   $job_id The job's id.
	 * @param int      $now    Our clock, Unix seconds.
	 */
	public static function opens( array $keys, string $token, string $job_id, int $now ): bool {
		if ( ! preg_match( '/^([1-9][0-9]{9})\.[A-Za-z0-9_-]{43}\z/', $token, $parts ) || $now >= (int) $parts[1] ) {
			return false;
		}
		foreach ( $keys as $key ) {
			if ( hash_equals( self::make( $key, $job_id, (int) $parts[1] ), $token ) ) {
				return true;
			}
		}
		return false;
	}
}
