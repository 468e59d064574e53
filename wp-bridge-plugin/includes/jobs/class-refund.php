<?php
/**
 * The customer's money goes back: once for each payment, whatever repeats.
 *
 * The unique row (job, attempt 0, `refund`) is written before the call to the shop and finished after it. If PHP dies in between, the
 * outcome is unknown: a person must look, and the call is not repeated.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Log;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Steps of a refund. Callers: `job.failed`, a person (Actions), the payment provider's own word (Provider_Refund), and reconcile for what
 * was cut off. It sends no mail itself: the customer's mail is returned as a callable.
 */
final class Refund {

	/**
	 * Claims the payment's refund and moves the attempt to `refunding`.
	 *
	 * @param array  $row    Ledger row.
	 * @param string $reason A stable word.
	 * @param string $detail For people.
	 * @return array|null The row in `refunding`; null when the refund was claimed before or the state does not allow it.
	 */
	public static function begin( array $row, string $reason, string $detail = '' ): ?array {
		if ( ! States::may_go( $row['state'], 'refunding' ) || ! Effects::claim( $row['job_id'], 0, Effects::REFUND ) ) {
			return null;
		}
		return self::refunding( $row, $reason, $detail );
	}

	/**
	 * Moves an attempt whose refund is claimed.
	 *
	 * @param array  $row    Ledger row.
	 * @param string $reason A stable word.
	 * @param string $detail For people.
	 * @return array|null The row in `refunding`; null: the state does not allow it, or somebody else was faster.
	 */
	public static function refunding( array $row, string $reason, string $detail ): ?array {
		return Ledger::move(
			$row,
			'refunding',
			array(
				'reason'      => $reason,
				'detail'      => '' === $detail ? null : $detail,
				'event'       => 'refunding',
				'next_try_at' => null,
			)
		);
	}

	/**
	 * Calls the shop, and records the outcome. Outside of any transaction, since each step must last.
	 *
	 * @param array       $row              Row in `refunding`, its refund claimed by us.
	 * @param string|null $customer_message Words for the customer.
	 * @return array Pair: the row, `refunded` or `review` with the reason `refund_due`; the customer's mail, which the caller sends.
	 */
	public static function carry_out( array $row, ?string $customer_message = null ): array {
		$job = Shop::job( $row['job_id'] );
		try {
			$answer = $job ? Shop::refund( $job, (string) $row['reason'] ) : new \WP_Error( 'unknown_job', 'The shop no longer knows this job.' );
		} catch ( \Throwable $error ) {
			$answer = new \WP_Error( 'unknown', get_class( $error ) . ': ' . $error->getMessage() );
		}
		if ( ! is_wp_error( $answer ) && ! is_array( $answer ) ) {
			$answer = new \WP_Error( 'unknown', 'The shop gave no clear answer.' );
		}
		if ( is_wp_error( $answer ) ) {
			return self::failed( $row, $answer, $customer_message );
		}
		$amount = isset( $answer['amount'] ) && is_numeric( $answer['amount'] ) ? (float) $answer['amount'] : ( $job['amount'] ?? null );
		Effects::done( $row['job_id'], 0, Effects::REFUND, 'refunded', wp_json_encode( array( 'amount' => $amount ) ) );
		$ended = self::refunded( $row, $amount, (string) $row['reason'] );
		return array( $ended, Customer_Mail::once( $ended, 'mail:refunded', compact( 'amount', 'customer_message' ) ) );
	}

	/**
	 * The money is back: ledger, link and the shop's row say so. Safe to call twice.
	 *
	 * @param array      $row    Ledger row.
	 * @param float|null $amount In the shop's currency.
	 * @param string     $reason A stable word.
	 * @return array The newest row, `refunded` as a rule.
	 */
	public static function refunded( array $row, ?float $amount, string $reason ): array {
		$job_id = $row['job_id'];
		$facts  = compact( 'amount', 'reason' );
		$change = Shop::write_refund( $job_id, $facts ); // First: a repeat writes it again until the ledger agrees.
		for ( $try = 0; 'refunded' !== $row['state'] && $try < 5; $try++ ) {
			$set   = array(
				'reason'      => $reason,
				'event'       => 'refunded',
				'revoked_at'  => null === $row['path'] ? null : ( $row['revoked_at'] ?? Sql::utc( time() ) ),
				'next_try_at' => null,
			);
			$moved  = Ledger::move( $row, 'refunded', $set );
			$newest = Ledger::newest( $job_id, true ) ?? $row;
			// A delivery, or a rerun, of the same moment was faster: that ends, too, or the customer would keep picture and money.
			$row = $moved && (int) $newest['attempt'] === (int) $row['attempt'] ? $moved : $newest;
			if ( $moved && $try ) {
				$change = Shop::write_refund( $job_id, $facts ) ?? $change; // A delivery has written the shop's row, too.
			}
		}
		Shop::announce( $job_id, $change, $facts );
		History::record( $job_id, (int) $row['attempt'], 'refunded', $facts );
		return $row;
	}

	/**
	 * A refund failed, or its outcome is unknown: a person must decide.
	 *
	 * @param array       $row              Row in `refunding`.
	 * @param \WP_Error   $error            Why; code `unknown`: the money may have gone.
	 * @param string|null $customer_message Words for the customer.
	 * @return array See carry_out().
	 */
	private static function failed( array $row, \WP_Error $error, ?string $customer_message ): array {
		$now = Ledger::newest( $row['job_id'], true );
		if ( $now && 'refunded' === $now['state'] ) { // The provider's own word (charge.refunded) was faster than its answer, and says more.
			Log::write( 'refund_confirmed', $error->get_error_message(), array( 'job_id' => $row['job_id'], 'attempt' => $row['attempt'] ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			return array( $now, Customer_Mail::once( $now, 'mail:refunded', array( 'amount' => Shop::amount( $row['job_id'] ), 'customer_message' => $customer_message ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		$outcome = 'unknown' === $error->get_error_code() ? 'unknown' : 'failed';
		Effects::done( $row['job_id'], 0, Effects::REFUND, $outcome, $error->get_error_message() );
		Log::write( 'refund_' . $outcome, $error->get_error_message(), array( 'job_id' => $row['job_id'], 'attempt' => $row['attempt'] ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		History::record( $row['job_id'], (int) $row['attempt'], 'refund_' . $outcome, array( 'detail' => $error->get_error_message() ) );
		$row = self::due( $row, $error->get_error_message() );
		return array( $row, Customer_Mail::once( $row, 'mail:review', array( 'customer_message' => $customer_message ) ) );
	}

	/**
	 * Review with the mark "refund due": the money is owed, and does not go out by itself.
	 *
	 * @param array  $row    Ledger row.
	 * @param string $detail For people.
	 * @return array The row as it is now.
	 */
	public static function due( array $row, string $detail ): array {
		Admin_Digest::review_begun();
		$moved = Ledger::move(
			$row,
			'review',
			array(
				'reason' => Reasons::REFUND_DUE,
				'detail' => mb_substr( trim( $row['reason'] . ': ' . $detail, ': ' ), 0, 1000 ),
				'event'  => Reasons::REFUND_DUE,
			)
		);
		if ( $moved && null === $row['delivered_at'] ) { // What was delivered stays in the customer's hands meanwhile.
			Shop::announce( $row['job_id'], Shop::write_progress( $row['job_id'], States::shop_word( 'review' ) ) );
		}
		return $moved ?? Ledger::newest( $row['job_id'] ) ?? $row;
	}

	/**
	 * Another attempt of a job whose payment's refund was tried before: what the record says decides.
	 *
	 * @param array  $row    Ledger row.
	 * @param string $reason A stable word.
	 * @param string $detail For people.
	 */
	public static function settle_by_record( array $row, string $reason, string $detail ): array {
		$effect = Effects::find( $row['job_id'], 0, Effects::REFUND );
		if ( $effect && 'refunded' === $effect['outcome'] ) {
			return self::refunded( $row, Shop::amount( $row['job_id'] ), $reason );
		}
		$row['reason'] = $reason;
		return self::due( $row, $detail );
	}

	/**
	 * A refund that was cut off (claimed, no end, some minutes old) becomes "refund due".
	 *
	 * @param array $row Row in `refunding`.
	 * @return array|null The row, settled; null: too early to say.
	 */
	public static function give_up_unknown( array $row ): ?array {
		$effect = Effects::find( $row['job_id'], 0, Effects::REFUND );
		if ( $effect && null === $effect['done_at'] && ! Effects::is_unknown( $effect ) ) {
			return null;
		}
		if ( $effect && 'refunded' === $effect['outcome'] ) {
			return self::refunded( $row, Shop::amount( $row['job_id'] ), (string) $row['reason'] );
		}
		$detail = 'The refund was cut off; whether the money went is not known.';
		History::record( $row['job_id'], (int) $row['attempt'], 'refund_unknown', compact( 'detail' ) );
		return self::due( $row, $detail );
	}

	/**
	 * The customer's mail about an attempt that has an end and whose mail may not have been begun.
	 *
	 * @param array       $row              Settled ledger row.
	 * @param string|null $customer_message Words for the customer.
	 * @return callable[] For an outcome's mails.
	 */
	public static function mail_later( array $row, ?string $customer_message = null ): array {
		if ( ! in_array( $row['state'], array( 'review', 'refunded' ), true ) ) {
			return array();
		}
		$extra = array(
			'amount'           => Shop::amount( $row['job_id'] ),
			'customer_message' => $customer_message,
		);
		return array( Customer_Mail::aside( Customer_Mail::once( $row, Customer_Mail::effect_of( $row['state'] ), $extra ) ) );
	}

	/** Ends refunds that were cut off: they wait for a person. @return callable[] Effects: mails to the customers. */
	public static function end_cut_off(): array {
		$effects = array();
		$rows = Sql::rows( 'SELECT * FROM ' . Sql::table( 'ledger' ) . " WHERE state = 'refunding' AND updated_at < %s LIMIT 100", array( Sql::utc( time() - Time_Limits::EFFECT_UNKNOWN ) ) );
		foreach ( $rows as $row ) {
			$settled   = self::give_up_unknown( $row );
			$effect    = Customer_Mail::effect_of( $settled['state'] ?? '' );
			$effects[] = null === $effect ? null : Customer_Mail::promised( $settled, $effect, array( 'amount' => Shop::amount( $row['job_id'] ) ) );
		}
		return array_values( array_filter( $effects ) );
	}
}
