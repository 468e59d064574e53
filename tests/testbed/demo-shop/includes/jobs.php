<?php
/**
 * Rows of the shop's table.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

/**
 * The row whose column has this value, or null.
 *
 * @param string $column One of ours, never a visitor's word.
 * @param string $value  Anything.
 */
function find_job( string $column, string $value ): ?object {
	global $wpdb;
	// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
	return $wpdb->get_row( $wpdb->prepare( 'SELECT * FROM ' . jobs_table() . " WHERE $column = %s", $value ) );
}

/** The newest rows, newest first. */
function newest_jobs( int $count ): array {
	global $wpdb;
	return $wpdb->get_results( $wpdb->prepare( 'SELECT * FROM ' . jobs_table() . ' ORDER BY id DESC LIMIT %d', $count ) );
}

/**
 * Change columns of a row. A new status is announced as a shop does.
 *
 * @param object $job     The row as it is.
 * @param array  $changes Values by column.
 */
function change_job( object $job, array $changes ): void {
	global $wpdb;
	$wpdb->update( jobs_table(), $changes, array( 'job_id' => $job->job_id ) );
	if ( isset( $changes['status'] ) && $changes['status'] !== $job->status ) {
		do_action( 'smi_job_status_changed', $job->job_id, $job->status, $changes['status'], $changes );
	}
}
