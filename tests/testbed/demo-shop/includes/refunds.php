<?php
/**
 * The payment provider's refunds: a stand-in that moves no money and remembers every call.
 *
 * Option `smi_demo_shop_refund_mode`:
 *   ok      the money goes back (a second time for the same payment is refused, as Stripe does)
 *   error   the provider refuses
 *   failed  the provider takes the order, and its bank does not
 *   lost    the money goes back, but the answer is lost: the caller sees a time-out
 *   throw   the money goes back, then the client throws
 *   die     the money goes back, then PHP dies
 *   absent  there is no such provider in this shop
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/** Bring in the provider's class, unless a real one is there or the shop is to have none. */
function offer_refunds(): void {
	if ( 'absent' !== refund_mode() && ! class_exists( 'StripeIntegration\StripeClient' ) ) {
		require_once __DIR__ . '/class-stripeclient.php';
	}
}

/** How refunds behave, see above. */
function refund_mode(): string {
	return (string) get_option( 'smi_demo_shop_refund_mode', 'ok' );
}

/** All calls so far. */
function all_refunds(): array {
	return $GLOBALS['wpdb']->get_results( 'SELECT * FROM ' . refunds_table() . ' ORDER BY id', ARRAY_A );
}

/**
 * Take a refund.
 *
 * @param string     $payment_intent The payment.
 * @param float|null $amount         Dollars; null is the whole.
 * @param string     $reason         For the books.
 * @return array|WP_Error
 * @throws \RuntimeException In the mode `throw`.
 */
function take_refund( string $payment_intent, ?float $amount, string $reason ) {
	global $wpdb;
	$mode = refund_mode();
	// The lock makes two calls at once see each other, as the provider does.
	$wpdb->query( $wpdb->prepare( 'SELECT GET_LOCK(%s, 10)', $payment_intent ) );
	$earlier = (int) $wpdb->get_var(
		$wpdb->prepare( 'SELECT COUNT(*) FROM ' . refunds_table() . ' WHERE payment_intent = %s AND accepted = 1', $payment_intent )
	);
	$accepted = ! in_array( $mode, array( 'error', 'failed' ), true ) && 0 === $earlier;
	$wpdb->insert(
		refunds_table(),
		array(
			'payment_intent' => $payment_intent,
			'amount'         => $amount,
			'reason'         => $reason,
			'accepted'       => (int) $accepted,
		)
	);
	$id = $wpdb->insert_id;
	$wpdb->query( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', $payment_intent ) );

	if ( $earlier ) {
		return new WP_Error( 'charge_already_refunded', 'The charge has already been refunded.' );
	}
	switch ( $mode ) {
		case 'error':
			return new WP_Error( 'stripe_error', 'The provider refuses the refund.' );
		case 'failed':
			return array(
				'id'             => 're_demo_' . $id,
				'status'         => 'failed',
				'failure_reason' => 'expired_or_canceled_card',
			);
		case 'lost':
			return new WP_Error( 'http_request_failed', 'Operation timed out after 30001 milliseconds with 0 bytes received' );
		case 'throw':
			throw new \RuntimeException( 'The connection to the provider broke.' );
		case 'die':
			exit( 1 );
	}
	return array(
		'id'             => 're_demo_' . $id,
		'status'         => 'succeeded',
		'payment_intent' => $payment_intent,
		'amount'         => null === $amount ? null : (int) round( 100 * $amount ),
	);
}

/**
 * Somebody refunded in the provider's own dashboard.
 *
 * @param array|object $charge The provider's event data.
 */
function refunded_outside( $charge ): void {
	$charge = (array) $charge;
	$job    = find_job( 'stripe_payment_intent_id', (string) ( $charge['payment_intent'] ?? '' ) );
	if ( $job ) {
		change_job(
			$job,
			array(
				'payment_status' => 'refunded',
				'refunded_at'    => current_time( 'mysql' ),
				'refund_amount'  => ( $charge['amount'] ?? 0 ) / 100,
			)
		);
	}
}
