<?php
/**
 * Plugin Name:       Bench Payment Stub
 * Description:       The payment request of the benchmarks: stands for the payment provider's webhook, fires the shop's action, and says how long that took.
 * Version:           1.0.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * License:           GPL-2.0-or-later
 *
 * @package BenchPaymentStub
 */

namespace BenchPaymentStub;

defined( 'ABSPATH' ) || exit;

add_action( 'parse_request', __NAMESPACE__ . '\take_payment', 1 );

/**
 * `POST /bench-payment/` with `attachment`, `email` and `pay`: 1 fires `smi_payment_completed`; 0 does everything else, for the difference.
 * Answers {job_id, action_ms} and ends the request where a payment provider's webhook does: before WordPress looks for a page.
 */
function take_payment(): void {
	// phpcs:disable WordPress.Security -- a benchmark on 127.0.0.1.
	if ( '/bench-payment/' !== ( $_SERVER['REQUEST_URI'] ?? '' ) ) {
		return;
	}
	$picture = \SmiDemoShop\picture_of_attachment( (int) $_POST['attachment'] );
	$job_id  = \SmiDemoShop\insert_paid_job( $picture, '4x', (string) $_POST['email'] );
	if ( ! empty( $_POST['forget_circuit'] ) ) {
		delete_option( 'smi_bridge_circuit' ); // Each payment meets the dead sidecar as if it were the first.
	}
	$began = microtime( true );
	if ( ! empty( $_POST['pay'] ) ) {
		do_action( 'smi_payment_completed', $job_id );
	}
	$took = 1000 * ( microtime( true ) - $began );
	header( 'Content-Type: application/json' );
	$answer = wp_json_encode( array( 'job_id' => $job_id, 'action_ms' => $took ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	header( 'Content-Length: ' . strlen( $answer ) );
	echo $answer;
	exit;
}
