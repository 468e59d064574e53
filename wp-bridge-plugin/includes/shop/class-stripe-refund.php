<?php
/**
 * Refunds by Stripe, as the shop makes them.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Since 1.3 the shop pays through a plugin of its own (`StripeIntegration`); 1.2 brought a client along. Calls Stripe once and tells what
 * it said: that a payment is refunded once is the care of Effects.
 */
final class Stripe_Refund {

	const CLIENT     = 'StripeIntegration\\StripeClient';
	const OLD_CLIENT = 'SellMyImages\\Api\\StripeApi';

	/**
	 * Refunds a payment in full.
	 *
	 * @param array  $job    A job.
	 * @param string $reason For Stripe's records.
	 * @return array|\WP_Error `{amount}`.
	 */
	public static function create( array $job, string $reason ) {
		if ( '' === $job['payment_id'] ) {
			return new \WP_Error( 'no_payment', __( 'The shop has no payment reference for this job.', 'smi-bridge' ) );
		}
		if ( method_exists( self::CLIENT, 'create_refund' ) ) {
			$answer = call_user_func( array( self::CLIENT, 'create_refund' ), $job['payment_id'], null, $reason );
		} elseif ( method_exists( self::OLD_CLIENT, 'create_refund' ) ) {
			$answer = call_user_func( array( self::OLD_CLIENT, 'create_refund' ), $job['payment_id'], $reason );
		} else {
			return new \WP_Error( 'cannot_refund', __( 'This shop has no way to refund by itself.', 'smi-bridge' ) );
		}
		if ( is_wp_error( $answer ) ) {
			// Stripe's own protection against a second refund: the money is back, which is what was wanted.
			if ( 'charge_already_refunded' === $answer->get_error_code() || false !== stripos( $answer->get_error_message(), 'already been refunded' ) ) {
				return array( 'amount' => $job['amount'] );
			}
			// Not heard is not refused: the money may have gone.
			$lost = preg_match( '/http_request_failed|api_connection|timed? ?out|connection|network/i', $answer->get_error_code() . ' ' . $answer->get_error_message() );
			return $lost ? new \WP_Error( 'unknown', $answer->get_error_message() ) : $answer;
		}
		if ( ! $answer ) {
			return new \WP_Error( 'unknown', 'The payment client gave no answer.' );
		}
		if ( in_array( $answer['status'] ?? '', array( 'failed', 'canceled' ), true ) ) { // Of Stripe's refund: made, and come to nothing.
			return new \WP_Error( 'refund_' . $answer['status'], (string) ( $answer['failure_reason'] ?? __( 'The shop could not refund.', 'smi-bridge' ) ) );
		}
		return array( 'amount' => $job['amount'] );
	}
}
