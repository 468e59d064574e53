<?php
/**
 * Messages from the way to Upsampler and back: job.submitting, job.submitted, job.progress.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Handlers: checked data in, outcome out (docs/contract.md, part 3), within the transaction of the delivery. Nobody is mailed from here,
 * and no money moves.
 */
final class Submission_Messages {

	/**
	 * May submission s be sent? The ledger says yes to one claimant: this is the fence before every bill. The same claim asks
	 * again when it did not hear our answer, and gets it again as long as nothing came of the submission.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function submitting( array $data, array $row ): Outcome {
		$known = array( 'upsampler_id' => $row['upsampler_id'] );
		$end   = Attempt::end( $row );
		if ( $end || 'review' === $row['state'] ) {
			return $end ?? Outcome::refused( 'settled' );
		}
		if ( (int) $row['submission'] >= (int) $data['submission'] ) {
			$same = (int) $row['submission'] === (int) $data['submission'] && $row['claim'] === $data['claim'];
			return $same && 'submitting' === $row['state'] ? Outcome::done( $known ) : Outcome::refused( 'claimed', $known );
		}
		if ( (int) $row['submission'] !== (int) $data['submission'] - 1 ) {
			return Outcome::refused( 'invalid', array( 'detail' => 'the submission before it is not known' ) );
		}
		$moved = 'submitting' === $row['state'] ? null : Ledger::move(
			$row,
			'submitting',
			array(
				'submission'   => (int) $data['submission'],
				'claim'        => $data['claim'],
				'forwarded_at' => $row['forwarded_at'] ?? Sql::utc( time() ), // Who asks has it.
				'upsampler_id' => null,
				'event'        => 'submitting',
			)
		);
		if ( ! $moved ) {
			return Outcome::refused( 'invalid', array( 'detail' => 'no submission from state ' . $row['state'] ) );
		}
		if ( null === $row['forwarded_at'] ) {
			History::record( $row['job_id'], (int) $row['attempt'], 'forwarded', array( 'message' => 'job.paid' ) );
		}
		History::record( $row['job_id'], (int) $row['attempt'], 'submitting', array( 'submission' => $data['submission'] ) );
		Shop::follow( $row, $moved );
		return Outcome::done( array( 'upsampler_id' => null ) );
	}

	/**
	 * Upsampler has accepted.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function submitted( array $data, array $row ): Outcome {
		if ( (int) $row['submission'] > (int) $data['submission'] ) {
			return Outcome::refused( 'superseded' );
		}
		$known = $row['upsampler_id'] === $data['upsampler_id'] && (int) $row['submission'] === (int) $data['submission'];
		if ( $known && 'review' !== $row['state'] ) {
			return Outcome::done();
		}
		// A result that was faster than this message is not taken back.
		$later = (int) $row['submission'] === (int) $data['submission'] && in_array( $row['state'], array( 'enlarged', 'stored' ), true );
		$moved = Ledger::move(
			$row,
			$later ? $row['state'] : 'submitted',
			array(
				'submission'   => (int) $data['submission'],
				'upsampler_id' => $data['upsampler_id'],
				'credits'      => $data['credits'],
				'event'        => 'submitted',
				'reason'       => null,
				'detail'       => null,
				'next_try_at'  => null,
			)
		);
		if ( ! $moved ) {
			return Attempt::no_step( $row );
		}
		History::record( $row['job_id'], (int) $row['attempt'], 'submitted', array_intersect_key( $data, array_flip( array( 'submission', 'upsampler_id', 'credits' ) ) ) );
		$facts = array(
			'upsampler_id' => $data['upsampler_id'],
			'credits'      => $data['credits'],
			'started'      => true,
		);
		Shop::follow( $row, $moved, $facts );
		return Outcome::done();
	}

	/**
	 * A change worth showing or remembering. One that comes too late changes nothing, and is told in the history only.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function progress( array $data, array $row ): Outcome {
		if ( ! empty( $data['submission'] ) && (int) $data['submission'] < (int) $row['submission'] ) {
			return Outcome::refused( 'superseded' );
		}
		History::record( $row['job_id'], (int) $row['attempt'], $data['event'], array_diff_key( $data, array_flip( array( 'job_id', 'attempt', 'event' ) ) ) );
		$state = self::state_after( $row, $data );
		if ( null === $state ) {
			return Outcome::done();
		}
		$set = array(
			'event'       => $data['event'],
			'reason'      => $data['reason'] ?? null,
			'detail'      => $data['detail'] ?? null,
			'next_try_at' => Sql::from_rfc3339( $data['next_try_at'] ?? null ),
		);
		if ( 'paid' === $state && States::gives_up( $data['event'] ) ) {
			$set['upsampler_id'] = null;
		}
		$moved = Ledger::move( $row, $state, $set );
		if ( $moved ) {
			Shop::follow( $row, $moved );
		}
		return Outcome::done();
	}

	/**
	 * The state that a progress message leads to; null: it came too late.
	 *
	 * @param array $row  Ledger row.
	 * @param array $data Message.
	 */
	private static function state_after( array $row, array $data ): ?string {
		$to = $data['state'];
		if ( $to === $row['state'] ) {
			return $to;
		}
		if ( 'review' === $row['state'] ) { // Overtaken by the word that a person decides; job.submitted and job.delivered may resolve that.
			return null;
		}
		if ( 'paid' === $to && ! States::gives_up( $data['event'] ) ) {
			return 'submitting' === $row['state'] ? 'submitting' : null;
		}
		return States::may_go( $row['state'], $to ) ? $to : null;
	}
}
