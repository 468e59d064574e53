<?php
/**
 * What an operator orders at the sidecar's command line: job.rerun, job.stop.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Sql;
use SmiBridge\Jobs\Payment;
use SmiBridge\Jobs\Rerun;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Handlers: checked data in, outcome out (docs/contract.md, part 3). The same as a person does in the admin's pages.
 */
final class Order_Messages {

	/**
	 * Starts the next attempt.
	 *
	 * @param array $data See schema.
	 */
	public static function rerun( array $data ): Outcome {
		if ( ! Compat::may_forward() ) {
			return Outcome::failed( 'not_connected' );
		}
		$context = array(
			'admin_override' => true,
			'force'          => $data['force'],
		);
		$code    = Rerun::start( $data['job_id'], $context );
		if ( 'started' !== $code ) {
			return Outcome::refused( 'busy' === $code ? 'working' : $code );
		}
		return Outcome::done( array( 'attempt' => (int) Ledger::newest( $data['job_id'] )['attempt'] ) );
	}

	/**
	 * Stops a job: it waits for a person, and its link dies. A delivered job stays delivered, without its link.
	 *
	 * @param array $data See schema.
	 */
	public static function stop( array $data ): Outcome {
		$row = Ledger::newest( $data['job_id'], true );
		if ( ! $row ) {
			return Outcome::refused( 'unknown_job' );
		}
		$delivered = 'delivered' === $row['state'];
		if ( 'refunding' === $row['state'] || 'refunded' === $row['state'] || ( $delivered && null !== $row['revoked_at'] ) ) {
			return Outcome::refused( 'settled' );
		}
		$set     = array(
			'reason'      => Reasons::STOPPED,
			'detail'      => null,
			'event'       => 'stopped',
			'next_try_at' => null,
			'revoked_at'  => null === $row['path'] ? null : Sql::utc( time() ),
		);
		$moved   = Ledger::move( $row, $delivered ? 'delivered' : 'review', $set );
		$attempt = (int) $row['attempt'];
		if ( ! $moved ) {
			return Outcome::refused( 'settled' );
		}
		History::tell( $row['job_id'], $attempt, 'stopped', array( 'by' => 'operator' ) );
		Payment::later(
			'job.cancel',
			$row['job_id'],
			$attempt,
			array(
				'job_id'  => $row['job_id'],
				'attempt' => $attempt,
				'reason'  => 'stopped',
			)
		);
		$effects = Shop::follow( $row, $moved );
		if ( $delivered ) {
			Shop::write_revoked( $row['job_id'] );
		}
		return Outcome::done( array(), $effects );
	}
}
