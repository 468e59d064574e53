<?php
/**
 * Stops a job by a person’s order, from the admin’s pages or the sidecar’s command line.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * A stopped job waits in review, its link ends, and nothing goes on by itself. It gives no money back: a person decides that next.
 */
final class Stop {

	/**
	 * Stops the newest attempt of a job. Safe to call twice.
	 *
	 * @param array $row              Newest ledger row, locked.
	 * @param array $by               Who, for the history.
	 * @param bool  $revoke_delivered Whether a delivered job is stopped too: it stays delivered, without its link.
	 * @return bool Whether it is stopped; false: the job has ended before.
	 */
	public static function job( array $row, array $by, bool $revoke_delivered = false ): bool {
		if ( self::is_stopped( $row ) ) {
			return true;
		}
		$delivered = 'delivered' === $row['state'];
		$ended     = $delivered ? ! $revoke_delivered || null !== $row['revoked_at'] : in_array( $row['state'], array( 'refunding', 'refunded' ), true );
		$set       = array(
			'reason'      => Reasons::STOPPED,
			'detail'      => null,
			'event'       => 'stopped',
			'next_try_at' => null,
			'revoked_at'  => null === $row['path'] ? null : Sql::utc( time() ),
		);
		$moved     = $ended ? null : Ledger::move( $row, $delivered ? 'delivered' : 'review', $set );
		if ( ! $moved ) {
			return false;
		}
		History::record( $row['job_id'], (int) $row['attempt'], 'stopped', $by );
		Send_Later::job_cancel( $moved, 'stopped' );
		Shop::follow( $row, $moved );
		if ( $delivered ) {
			Shop::write_revoked( $row['job_id'] );
		}
		return true;
	}

	/** Message `job.stop`: an operator orders it at the sidecar's command line; a delivered job stays delivered, without its link. @param array $data See schema. */
	public static function message( array $data ): Outcome {
		$row = Ledger::newest( $data['job_id'], true );
		if ( ! $row ) {
			return Outcome::refused( 'unknown_job' );
		}
		return self::job( $row, array( 'by' => 'operator' ), true ) ? Outcome::done() : Outcome::refused( 'settled' );
	}

	/** Whether a person has stopped it before. @param array $row A ledger row. */
	public static function is_stopped( array $row ): bool {
		return 'review' === $row['state'] && Reasons::STOPPED === $row['reason'];
	}
}
