<?php
/**
 * The name under which shops reach their payment provider.
 *
 * @package SmiDemoShop
 */

namespace StripeIntegration;

defined( 'ABSPATH' ) || exit;

/** Refunds only. */
class StripeClient {
	/**
	 * Give the money back.
	 *
	 * @param string     $payment_intent_id The payment.
	 * @param float|null $amount            Dollars; null is the whole.
	 * @param string     $reason            For the books.
	 * @return array|\WP_Error
	 */
	public static function create_refund( $payment_intent_id, $amount = null, $reason = '' ) {
		return \SmiDemoShop\take_refund( (string) $payment_intent_id, null === $amount ? null : (float) $amount, (string) $reason );
	}
}
