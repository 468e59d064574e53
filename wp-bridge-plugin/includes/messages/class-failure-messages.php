<?php
/**
 * The message that the pipeline gives up: job.failed.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Reasons;
use SmiBridge\Jobs\Downloads;
use SmiBridge\Jobs\Refund;
use SmiBridge\Jobs\Stop;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Handler: checked data in, outcome out (docs/contract.md, part 3), within the transaction of the delivery. The money goes back after the
 * commit, as an effect of the outcome, and not at all where the customer has the file.
 */
final class Failure_Messages {

	/**
	 * Settles an attempt that failed: refund, or review.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function failed( array $data, array $row ): Outcome {
		$settled = self::settled_before( $row, $data );
		if ( $settled ) {
			return $settled;
		}
		$row['reason'] = $data['reason'];
		History::record( $row['job_id'], (int) $row['attempt'], 'failed', array( 'reason' => $data['reason'], 'detail' => $data['detail'], 'refund' => $data['refund'] ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		return 'yes' === $data['refund'] && self::was_paid( $row ) ? self::refund( $row, $data ) : self::review( $row, $data );
	}

	/**
	 * The outcome for an attempt that has an end, or null.
	 *
	 * @param array $row  Ledger row.
	 * @param array $data Message.
	 */
	private static function settled_before( array $row, array $data ): ?Outcome {
		if ( 'refunded' === $row['state'] ) {
			return self::outcome( 'refunded', false, self::is_ours( $row ) ? Refund::mail_later( $row, $data['customer_message'] ?? null ) : array() );
		}
		if ( 'delivered' === $row['state'] ) {
			return Outcome::refused( 'settled' );
		}
		if ( Stop::is_stopped( $row ) ) {
			return Outcome::refused( 'cancelled' );
		}
		if ( 'refunding' !== $row['state'] ) {
			return null;
		}
		// A refund is under way, or was cut off. Which, is known after some minutes; the sender comes again.
		$row = Refund::give_up_unknown( $row );
		if ( ! $row ) {
			return Outcome::failed( 'refund_under_way' );
		}
		return self::outcome( $row['state'], 'review' === $row['state'], Refund::mail_later( $row, $data['customer_message'] ?? null ) );
	}

	/** Whether the refund was made by the pipeline or a person, not by the payment provider: only then we mail. @param array $row Ledger row. */
	private static function is_ours( array $row ): bool {
		return Reasons::BY_PROVIDER !== $row['reason'];
	}

	/**
	 * Whether there is money to give back: not for an attempt that an admin started without a payment.
	 *
	 * @param array $row Ledger row.
	 */
	private static function was_paid( array $row ): bool {
		$job = Shop::job( $row['job_id'] );
		return ! $job || $job['paid'] || null !== Effects::find( $row['job_id'], 0, Effects::REFUND );
	}

	/**
	 * Refund: claimed here, carried out after the commit.
	 *
	 * @param array $row  Ledger row.
	 * @param array $data Message.
	 */
	private static function refund( array $row, array $data ): Outcome {
		$tried      = Effects::find( $row['job_id'], 0, Effects::REFUND );
		$downloaded = $tried ? null : Downloads::first( $row['job_id'] ); // After a refund there is nothing left to decide.
		if ( null !== $downloaded ) {
			$row = Refund::due( $row, sprintf( 'The customer downloaded the file of an earlier attempt at %s UTC.', $downloaded ) );
			return self::outcome( $row['state'], 'review' === $row['state'], self::announce_review( $row, $data ) );
		}
		$begun = Refund::begin( $row, $data['reason'], $data['detail'] );
		if ( null === $begun ) {
			// The payment's one refund has been tried before.
			$row = Refund::settle_by_record( $row, $data['reason'], $data['detail'] );
			return self::outcome( $row['state'], 'review' === $row['state'], self::announce_review( $row, $data ) );
		}
		$outcome            = self::outcome( 'refunded', false );
		$outcome->effects[] = static function ( Outcome $outcome ) use ( $begun, $data ) {
			list( $row, $mail )          = Refund::carry_out( $begun, $data['customer_message'] ?? null );
			$outcome->mails[]            = Customer_Mail::aside( $mail );
			$outcome->data['outcome']    = $row['state'];
			$outcome->data['refund_due'] = 'refunded' !== $row['state'];
		};
		return $outcome;
	}

	/**
	 * Review: a person decides.
	 *
	 * @param array $row  Ledger row.
	 * @param array $data Message.
	 */
	private static function review( array $row, array $data ): Outcome {
		$moved = Ledger::move(
			$row,
			'review',
			array(
				'reason'      => $data['reason'],
				'detail'      => $data['detail'],
				'event'       => 'review',
				'next_try_at' => null,
			)
		);
		if ( ! $moved ) {
			return Attempt::no_step( $row );
		}
		Shop::follow( $row, $moved );
		return self::outcome( 'review', false, self::announce_review( $moved, $data ) );
	}

	/**
	 * Tells customer and admin about a review; about a refund, nobody again.
	 *
	 * @param array $row  Ledger row, settled.
	 * @param array $data Message.
	 * @return callable[] Mails.
	 */
	private static function announce_review( array $row, array $data ): array {
		if ( 'review' !== $row['state'] ) {
			return array();
		}
		Admin_Digest::review_begun();
		return array( Customer_Mail::aside( Customer_Mail::once( $row, 'mail:review', array( 'customer_message' => $data['customer_message'] ?? null ) ) ) );
	}

	/**
	 * An outcome of `job.failed`.
	 *
	 * @param string     $word       Either refunded or review.
	 * @param bool       $refund_due Whether the customer still waits for the money.
	 * @param callable[] $mails      Mails.
	 */
	private static function outcome( string $word, bool $refund_due, array $mails = array() ): Outcome {
		return Outcome::done(
			array(
				'outcome'    => $word,
				'refund_due' => $refund_due,
			),
			array(),
			$mails
		);
	}
}
