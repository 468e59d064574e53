<?php
/**
 * What a download link opens, or why it opens nothing: the same rule as at the sidecar's door (contract, part 5; tests/vectors/downloads.json).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Sidecar_Token;
use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * The link that opens is the last one in the ledger. Another one that the sidecar has signed opens nothing, and decides what the customer is
 * told. A made-up one is none of ours, whatever it names.
 */
final class Download_Link {

	/**
	 * The attempt whose file a token opens, or a word: `invalid`, `revoked`, `replaced`, `expired`. The one that helps most comes first: who
	 * has a newer link is told so, though this one has expired as well.
	 *
	 * The row has `is_newest` besides: no later attempt is under way.
	 *
	 * @param array[] $attempts Ledger rows of one job, oldest first.
	 * @param string  $job_id   The job that the address names.
	 * @param string  $token    As it came.
	 * @param string  $site     Site::hash().
	 * @param array   $keys     Settings::link_keys().
	 * @param int     $now      Unix seconds.
	 * @return array|string
	 */
	public static function opened( array $attempts, string $job_id, string $token, string $site, array $keys, int $now ) {
		$last  = null;
		$found = null;
		foreach ( $attempts as $row ) {
			$last  = null === $row['token'] ? $last : $row;
			$found = null !== $row['token'] && '' !== $token && hash_equals( $row['token'], $token ) ? $row : $found;
		}
		if ( ! $found && ! self::was_given_out( $job_id, $token, $site, $keys ) ) {
			return 'invalid';
		}
		$newest = $attempts ? end( $attempts ) : null;
		if ( ! $last || 'delivered' !== $last['state'] || null !== $last['revoked_at'] || 'refunded' === $newest['state'] || Stop::is_stopped( $newest ) ) {
			return 'revoked';
		}
		if ( $found !== $last ) {
			return 'replaced';
		}
		return Sql::unix( $last['expires_at'] ) <= $now ? 'expired' : $last + array( 'is_newest' => $last === $newest );
	}

	/**
	 * Whether the file is surely the one that was delivered. While a later attempt is under way, its file may have taken the place already, for
	 * it has the same name; and people put other files there.
	 *
	 * @param array $row   Of opened().
	 * @param int   $bytes The file's.
	 */
	public static function is_as_delivered( array $row, int $bytes ): bool {
		return $row['is_newest'] && $bytes === (int) $row['bytes'];
	}

	/**
	 * Whether a token was a link of this job, though the ledger does not hold it any more.
	 *
	 * @param string $job_id See opened().
	 * @param string $token  See opened().
	 * @param string $site   See opened().
	 * @param array  $keys   See opened().
	 */
	private static function was_given_out( string $job_id, string $token, string $site, array $keys ): bool {
		$link = Sidecar_Token::link( $token );
		return $link && $job_id === $link['job_id'] && in_array( $link['site'], array( '', $site ), true ) && Sidecar_Token::is_signed( $token, 'download', $keys );
	}
}
