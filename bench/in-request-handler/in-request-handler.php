<?php
/**
 * Plugin Name:       In-Request Handler
 * Description:       The baseline of the benchmarks: does inside the requests of payment and webhook what the shop does without a sidecar, step by step. Not for use: it checks nothing, and loses what goes wrong.
 * Version:           1.0.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * License:           GPL-2.0-or-later
 *
 * It is lighter on purpose than the shop's own code (docs/performance.md): no copy of the mail for the admin, fewer files at each request.
 *
 * @package InRequestHandler
 */

namespace InRequestHandler;

defined( 'ABSPATH' ) || exit;

require_once __DIR__ . '/submit.php';
require_once __DIR__ . '/collect.php';
require_once __DIR__ . '/mail.php';
require_once __DIR__ . '/download.php';

add_action( 'smi_payment_completed', __NAMESPACE__ . '\submit' );
add_action( 'parse_request', __NAMESPACE__ . '\catch_webhook', 1 );
add_action( 'rest_api_init', __NAMESPACE__ . '\register_download' );

/** The shop's table. */
function table(): string {
	return $GLOBALS['wpdb']->prefix . 'smi_jobs';
}

/**
 * One row of the shop's table, or null.
 *
 * @param string $column job_id, upsampler_job_id or download_token.
 * @param string $value  Its value.
 */
function job_by( string $column, string $value ): ?object {
	global $wpdb;
	return $wpdb->get_row( $wpdb->prepare( 'SELECT * FROM ' . table() . " WHERE $column = %s", $value ) ); // phpcs:ignore WordPress.DB
}

/**
 * Changes columns of a row. A new status is told; the row is read before, for the status that it has now.
 *
 * @param string $job_id  The job.
 * @param array  $changes Column => value.
 */
function change( string $job_id, array $changes ): void {
	global $wpdb;
	$before = isset( $changes['status'] ) ? job_by( 'job_id', $job_id ) : null;
	$wpdb->update( table(), $changes, array( 'job_id' => $job_id ) ); // phpcs:ignore WordPress.DB
	if ( $before ) {
		do_action( 'smi_job_status_changed', $job_id, $before->status, $changes['status'], $changes );
	}
}

/**
 * A line in PHP's error log, as the shop writes one after each step.
 *
 * @param string $what   What happened.
 * @param string $job_id The job.
 */
function note( string $what, string $job_id ): void {
	error_log( "In-request handler: $what, job $job_id" ); // phpcs:ignore WordPress.PHP.DevelopmentFunctions
}
