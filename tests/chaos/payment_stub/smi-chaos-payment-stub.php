<?php
/**
 * Plugin Name: SMI Chaos Payment Stub
 * Description: Sells to the customers of the chaos run: one job for each number, however often it is asked for.
 * Version:     1.0.0
 * License:     GPL-2.0-or-later
 *
 * @package SmiChaosPaymentStub
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'rest_api_init',
	static function () {
		register_rest_route(
			'chaos/v1',
			'/buy',
			array(
				'methods'             => 'POST',
				'permission_callback' => '__return_true',
				'callback'            => 'smi_chaos_payment_stub_buy',
			)
		);
		register_rest_route(
			'chaos/v1',
			'/act',
			array(
				'methods'             => 'POST',
				'permission_callback' => '__return_true',
				'callback'            => 'smi_chaos_payment_stub_act',
			)
		);
	}
);

/**
 * Sell, as the payment provider's webhook does: the row, then the action. A second call for the same customer finds the row; with
 * `repeat` it fires the action again, as a provider does that got no answer.
 *
 * @param WP_REST_Request $request JSON {picture, email, repeat}.
 * @return array {job_id}
 */
function smi_chaos_payment_stub_buy( $request ) {
	global $wpdb;
	$email  = (string) $request['email'];
	$job_id = $wpdb->get_var( $wpdb->prepare( "SELECT job_id FROM {$wpdb->prefix}smi_jobs WHERE email = %s", $email ) );
	if ( ! $job_id ) {
		$job_id = smi_demo_shop_buy( (int) $request['picture'], '4x', $email );
	} elseif ( $request['repeat'] ) {
		do_action( 'smi_payment_completed', $job_id );
	}
	return array( 'job_id' => $job_id );
}

/**
 * Do what an admin does: hold or resume a stage, or an action of a job's page.
 *
 * @param WP_REST_Request $request JSON {hold: bool, stage}, or {action, job_id}.
 * @return array {code}: the action's; for a hold ok, or why the sidecar was not told.
 */
function smi_chaos_payment_stub_act( $request ) {
	if ( null === $request['hold'] ) {
		$answer = SmiBridge\Jobs\Actions::run( (string) $request['action'], (string) $request['job_id'] );
		return array( 'code' => $answer['code'] );
	}
	$data   = array(
		'stage' => (string) $request['stage'],
		'held'  => (bool) $request['hold'],
	);
	$answer = ( new SmiBridge\Wire\Sidecar_Client() )->send( 'hold', $data );
	return array( 'code' => is_wp_error( $answer ) ? $answer->get_error_code() : 'ok' );
}

// Pictures with such a name have the address of another server.
add_filter(
	'wp_get_attachment_url',
	static function ( $url ) {
		$elsewhere = (string) get_option( 'smi_chaos_elsewhere' );
		return $elsewhere && false !== strpos( $url, '/elsewhere' ) ? str_replace( home_url(), $elsewhere, $url ) : $url;
	}
);
