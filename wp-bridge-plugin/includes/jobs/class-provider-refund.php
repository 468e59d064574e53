<?php
/**
 * Refunds that somebody makes at the payment provider: the webhook `charge.refunded`, and a person who marks a job.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Settings;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Sell_My_Images;

defined( 'ABSPATH' ) || exit;

/**
 * The job stops, its link ends, and the payment is never refunded again.
 */
final class Provider_Refund {

	/** Currencies without a smaller unit, and those with thousandths. */
	const WHOLE       = array( 'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF' );
	const THOUSANDTHS = array( 'BHD', 'JOD', 'KWD', 'OMR', 'TND' );

	/**
	 * Stripe says that a charge was refunded (`charge.refunded`). Only a full refund ends the job; one in part is a matter between
	 * people. Our own refunds come back here, too, and change nothing.
	 *
	 * @param mixed $charge Stripe's charge, object or array.
	 */
	public static function charge_refunded( $charge ): void {
		if ( ! Settings::is_configured() ) {
			return;
		}
		$charge = is_object( $charge ) && method_exists( $charge, 'toArray' ) ? $charge->toArray() : json_decode( wp_json_encode( $charge ), true );
		$charge = is_array( $charge ) ? $charge : array();
		try {
			$job_id = self::job_of( $charge );
			if ( null !== $job_id && self::is_full( $charge ) ) {
				self::happened( $job_id, self::amount( (float) ( $charge['amount_refunded'] ?? $charge['amount'] ?? 0 ), (string) ( $charge['currency'] ?? '' ) ) );
			}
		} catch ( Database_Error $error ) {
			Log::write( 'refund_not_noted', $error->getMessage() );
		}
	}

	/**
	 * Notes a refund that somebody else made, or our own whose answer is missing: the job stops, its link dies, and we never refund it
	 * again. A customer who was told that a person looks is mailed.
	 *
	 * @param string     $job_id    The shop's id.
	 * @param float|null $amount    In the shop's currency.
	 * @param bool       $by_person Whether a person says so: he also means a rerun of what was refunded before.
	 */
	public static function happened( string $job_id, ?float $amount, bool $by_person = false ): void {
		$row = Ledger::newest( $job_id );
		if ( ! $row ) {
			return; // The shop's row says so by itself, and is not taken in.
		}
		// Stripe says it again, and a person has rerun the job since.
		$again = ! $by_person && in_array( 'refunded', array_column( Ledger::attempts( $job_id ), 'state' ), true );
		if ( 'refunded' === $row['state'] || $again ) {
			return;
		}
		Effects::claim( $job_id, 0, Effects::REFUND );
		Effects::done( $job_id, 0, Effects::REFUND, 'refunded', 'by the payment provider' );
		$ended = Refund::refunded( $row, $amount, 'refunding' === $row['state'] ? (string) $row['reason'] : Reasons::BY_PROVIDER );
		if ( 'review' === $row['state'] && Effects::find( $job_id, (int) $row['attempt'], 'mail:review' ) ) {
			Customer_Mail::now( Customer_Mail::once( $ended, 'mail:refunded', compact( 'amount' ) ) );
		}
		History::write();
		Send_Later::job_cancel( $ended, 'refunded' );
	}

	/**
	 * Stripe's smallest unit as an amount of the currency. Source: Stripe's documentation, "Supported currencies".
	 *
	 * @param float  $units    In the currency's smallest unit.
	 * @param string $currency Three letters; '' is taken as one with hundredths.
	 */
	private static function amount( float $units, string $currency ): float {
		if ( in_array( strtoupper( $currency ), self::WHOLE, true ) ) {
			return $units;
		}
		return $units / ( in_array( strtoupper( $currency ), self::THOUSANDTHS, true ) ? 1000 : 100 );
	}

	/**
	 * Whether nothing of the charge is left.
	 *
	 * @param array $charge Stripe's charge.
	 */
	private static function is_full( array $charge ): bool {
		if ( isset( $charge['refunded'] ) ) {
			return true === $charge['refunded'];
		}
		return ! isset( $charge['amount_refunded'], $charge['amount'] ) || $charge['amount_refunded'] >= $charge['amount'];
	}

	/**
	 * The job that a charge paid for, or null when it is not the shop's. The shop's metadata name it, or else the payment does.
	 *
	 * @param array $charge Stripe's charge.
	 */
	private static function job_of( array $charge ): ?string {
		$source = (string) ( $charge['metadata']['source'] ?? '' );
		if ( '' !== $source && 'sell-my-images' !== $source ) {
			return null;
		}
		$job_id = $charge['metadata']['job_id'] ?? null;
		if ( is_string( $job_id ) && '' !== $job_id ) {
			return $job_id;
		}
		$payment = $charge['payment_intent'] ?? '';
		$payment = is_array( $payment ) ? ( $payment['id'] ?? '' ) : $payment;
		/** Filters the job that a Stripe payment paid for, where the charge itself does not name it. */
		$found = apply_filters( 'smi_bridge_job_of_payment', null, (string) $payment );
		return $found ?? ( '' === $payment ? null : ( new Sell_My_Images() )->job_of_payment( (string) $payment ) );
	}
}
