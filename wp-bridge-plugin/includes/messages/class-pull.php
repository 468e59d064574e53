<?php
/**
 * What the ledger tells the sidecar: unfinished jobs, named jobs, the status of the site. Only reads.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sidecars;
use SmiBridge\Core\Site;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Files\Cdn;
use SmiBridge\Jobs\Job_Record;
use SmiBridge\Jobs\Stop;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Answers of jobs.unfinished (which Reconcile asks for; WP-CLI looks at the same), jobs.lookup and status (docs/contract.md, part 3).
 */
final class Pull {

	/** At most so many, the newest first. */
	const MOST_ENDS = 1000;

	/**
	 * Jobs that are paid and not settled, by ledger id; on the first page also what has ended. Only reads.
	 *
	 * @param int $after Ledger id of the last job of the page before; 0: the first page.
	 * @param int $limit Jobs of a page.
	 * @return array `{jobs, next, ended}`, as in the answer to jobs.unfinished.
	 */
	public static function unfinished( int $after, int $limit ): array {
		$open = Sql::in( States::where_settled( false ) );
		$rows = Ledger::newest_where( "l.state IN $open AND l.id > %d ORDER BY l.id LIMIT %d", array( $after, $limit + 1 ) );
		$more = count( $rows ) > $limit;
		$rows = array_slice( $rows, 0, $limit );
		return array(
			'jobs'  => self::records( $rows ),
			'next'  => $more ? (int) end( $rows )['id'] : null,
			'ended' => 0 === $after ? self::ended() : array(),
		);
	}

	/**
	 * Attempts that the shop has ended: refunded, stopped, their link revoked. A lost `job.cancel` would leave a refunded customer a
	 * link that works. Also ends of later attempts, since a Redis restored from an old snapshot knows the attempt before.
	 *
	 * @return array[] List of {job_id, attempt, state, by_shop}.
	 */
	private static function ended(): array {
		$rows = Ledger::newest_where(
			"l.state IN ('refunded', 'delivered', 'review') AND l.updated_at > %s
			AND ( l.state = 'refunded' OR l.attempt > 1 OR l.revoked_at IS NOT NULL OR ( l.state = 'review' AND l.reason = %s ) ) ORDER BY l.updated_at DESC LIMIT %d",
			array( Sql::utc( time() - Time_Limits::ENDS_TOLD ), Reasons::STOPPED, self::MOST_ENDS ),
			'l.job_id, l.attempt, l.state, l.reason, l.revoked_at'
		);
		$ended = array();
		foreach ( $rows as $row ) {
			$ended[] = array(
				'job_id'  => $row['job_id'],
				'attempt' => (int) $row['attempt'],
				'state'   => $row['state'],
				'by_shop' => 'refunded' === $row['state'] || null !== $row['revoked_at'] || Stop::is_stopped( $row ),
			);
		}
		return $ended;
	}

	/**
	 * Handler of `jobs.lookup`: the records of named jobs.
	 *
	 * @param array $data See schema.
	 */
	public static function lookup( array $data ): Outcome {
		return Outcome::done( array( 'jobs' => self::records( array_values( Ledger::newest_of( $data['job_ids'] ) ) ) ) );
	}

	/** Handler of `status`: who this site is, and how it is set. No secret is in it. */
	public static function status(): Outcome {
		return Outcome::done(
			array(
				'site'         => Site::identity(),
				'version'      => SMI_BRIDGE_VERSION,
				'wordpress'    => (string) get_bloginfo( 'version' ),
				'php'          => PHP_VERSION,
				'time'         => gmdate( 'Y-m-d\TH:i:s\Z' ),
				'uploads_dir'  => wp_get_upload_dir()['basedir'],
				'shop'         => Shop::name(),
				'connected'    => Settings::is_connected(),
				'paused'       => Settings::is_paused(),
				'pulled'       => Settings::is_pulled(),
				'expiry_hours' => Settings::expiry_hours(),
				'sidecars'     => Sidecars::together(),
				'cdn'          => Cdn::is_set() ? array( 'probe' => Cdn::probe_address(), 'fault' => Cdn::fault() ) : null, // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			)
		);
	}

	/**
	 * Records of ledger rows; the shop is asked once.
	 *
	 * @param array[] $rows Ledger rows.
	 */
	private static function records( array $rows ): array {
		$jobs    = Shop::of_rows( $rows );
		$records = array();
		foreach ( $rows as $row ) {
			$records[] = Job_Record::record( $row, $jobs[ $row['job_id'] ] ?? null );
		}
		return $records;
	}
}
