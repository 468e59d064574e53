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
 * The link that opens is the last one in the ledger. What another one says of itself is not proven here, and opens nothing: it only decides
 * what the customer is told.
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
	 * @param int     $now      Unix seconds.
	 * @return array|string
	 */
	public static function opened( array $attempts, string $job_id, string $token, string $site, int $now ) {
		$last  = null;
		$found = null;
		foreach ( $attempts as $row ) {
			$last  = null === $row['token'] ? $last : $row;
			$found = null !== $row['token'] && '' !== $token && hash_equals( $row['token'], $token ) ? $row : $found;
		}
		if ( ! $found && ! self::was_given_out( $attempts, $job_id, $token, $site ) ) {
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
	 * Whether a token says that it was a link of this job which the ledger does not hold any more. One that says the same as a link of the ledger,
	 * in other letters, was damaged on its way.
	 *
	 * @param array[] $attempts See opened().
	 * @param string  $job_id   See opened().
	 * @param string  $token    See opened().
	 * @param string  $site     See opened().
	 */
	private static function was_given_out( array $attempts, string $job_id, string $token, string $site ): bool {
		$link = Sidecar_Token::link( $token );
		if ( ! $link || $job_id !== $link['job_id'] || ! in_array( $link['site'], array( '', $site ), true ) ) {
			return false;
		}
		foreach ( $attempts as $row ) {
			if ( null !== $row['token'] && (int) $row['attempt'] === $link['attempt'] && Sql::unix( $row['expires_at'] ) === $link['end'] ) {
				return false;
			}
		}
		return true;
	}
}
