<?php
/**
 * The attempt that a message speaks of: found, locked, and still to be worked on, or the reason why not.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\States;

defined( 'ABSPATH' ) || exit;

/**
 * The fence: a worker that wakes up late finds here that its attempt is over. Locks need the caller's transaction; nothing is written
 * here.
 */
final class Attempt {

	/**
	 * The ledger row of a message's attempt, locked until the transaction ends; or a refusal.
	 *
	 * @param array $data Data with `job_id` and `attempt`.
	 * @return array|Outcome
	 */
	public static function lock( array $data ) {
		$row = Ledger::newest( $data['job_id'], true );
		if ( ! $row || (int) $row['attempt'] < (int) $data['attempt'] ) {
			return Outcome::refused( 'unknown_job' );
		}
		return (int) $row['attempt'] > (int) $data['attempt'] ? Outcome::refused( 'superseded' ) : $row;
	}

	/**
	 * The same, if the attempt may still go on.
	 *
	 * @param array $data Data with `job_id` and `attempt`.
	 * @return array|Outcome
	 */
	public static function going_on( array $data ) {
		$row = self::lock( $data );
		if ( $row instanceof Outcome ) {
			return $row;
		}
		return self::end( $row ) ?? $row;
	}

	/** The refusal of a step that the states do not know. @param array $row A ledger row. */
	public static function no_step( array $row ): Outcome {
		return Outcome::refused( 'invalid', array( 'detail' => 'not from state ' . $row['state'] ) );
	}

	/**
	 * The refusal for an attempt that has ended, or null. A review is no end: a late result may still resolve it, unless a person
	 * has stopped the job or a refund was tried whose outcome is not a plain failure.
	 *
	 * @param array $row A ledger row.
	 */
	public static function end( array $row ): ?Outcome {
		if ( 'review' === $row['state'] ) {
			if ( Reasons::STOPPED === $row['reason'] ) {
				return Outcome::refused( 'cancelled' );
			}
			$refund = Effects::find( $row['job_id'], 0, Effects::REFUND );
			return $refund && 'failed' !== $refund['outcome'] ? Outcome::refused( 'settled' ) : null;
		}
		return 'refunding' === $row['state'] || States::is_settled( $row['state'] ) ? Outcome::refused( 'settled' ) : null;
	}
}
