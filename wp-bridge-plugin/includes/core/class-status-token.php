<?php
/**
 * The secret that leads from a job's status to its file: `<site>.<end, Unix seconds>.<HMAC-SHA256 over status.site.job.end, base64url>`
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
	/**
	 * A token.
	 *
	 * @param string $key    HMAC key.
	 * @param string $job_id The job's id.
	 * @param int    $end    Until when it opens, Unix seconds.
	 * @param string $site   Site::hash(); '' as tokens were made before they named it.
	 */
	public static function make( string $key, string $job_id, int $end, string $site = '' ): string {
		$named = '' === $site ? '' : $site . '.';
		$mac   = hash_hmac( 'sha256', 'status.' . $named . $job_id . '.' . $end, $key, true );
		return $named . $end . '.' . Signature::base64url( $mac );
	}

	/**
	 * Whether a token opens a job of this site under any of the keys; one that names no site does, too.
	 *
	 * @param string[] $keys   HMAC keys.
	 * @param string   $token  As it came.
	 * @param string   $job_id The job's id.
	 * @param int      $now    Our clock, Unix seconds.
	 * @param string   $site   Site::hash().
	 */
	public static function opens( array $keys, string $token, string $job_id, int $now, string $site ): bool {
		if ( ! preg_match( '/^(?:([0-9a-f]{10})\.)?([1-9][0-9]{9})\.[A-Za-z0-9_-]{43}\z/', $token, $parts ) || $now >= (int) $parts[2] ) {
			return false;
		}
		if ( '' !== $parts[1] && $parts[1] !== $site ) {
			return false;
		}
		foreach ( $keys as $key ) {
			if ( hash_equals( self::make( $key, $job_id, (int) $parts[2], $parts[1] ), $token ) ) {
				return true;
			}
		}
		return false;
	}
}
