<?php
/**
 * Who may use the pages of the admin, and where they lie.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Pages, REST, abilities and mails ask here. A check ends the request of a user who may not: nothing after it runs. What a job allows is
 * asked elsewhere (Actions).
 */
final class Admin_Access {

	/** What one must be able to do to see or do anything here. */
	public static function capability(): string {
		/** Filters the capability for the bridge's pages and actions. */
		return (string) apply_filters( 'smi_bridge_capability', 'manage_options' );
	}

	/** Whether the present user may act. */
	public static function may(): bool {
		return current_user_can( self::capability() );
	}

	/**
	 * The address of one of our pages.
	 *
	 * @param string $page  'dashboard', 'jobs', 'settings' or 'first-run'.
	 * @param array  $query Further query, not encoded.
	 */
	public static function url( string $page, array $query = array() ): string {
		$slug = 'dashboard' === $page ? 'smi-bridge' : 'smi-bridge-' . $page;
		return add_query_arg( array_map( 'rawurlencode', array( 'page' => $slug ) + $query ), admin_url( 'admin.php' ) );
	}

	/** Ends the request of a user who may not see our pages. */
	public static function check_page(): void {
		if ( ! self::may() ) {
			wp_die( esc_html__( 'You are not allowed to see this page.', 'smi-bridge' ), '', array( 'response' => 403 ) );
		}
	}

	/** Ends an AJAX request unless it comes from one of our pages and a user who may. */
	public static function check_ajax(): void {
		if ( ! self::may() ) {
			wp_send_json_error( array( 'message' => __( 'You are not allowed to do this.', 'smi-bridge' ) ), 403 );
		}
		if ( ! check_ajax_referer( 'smi_bridge_admin', 'nonce', false ) ) {
			wp_send_json_error( array( 'message' => __( 'This page is too old. Reload it and try again.', 'smi-bridge' ) ), 403 );
		}
	}

	/**
	 * Ends a form's request unless its nonce is good and the user may.
	 *
	 * @param string $action The nonce's action.
	 */
	public static function check_form( string $action ): void {
		if ( ! self::may() ) {
			wp_die( esc_html__( 'You are not allowed to do this.', 'smi-bridge' ), '', array( 'response' => 403 ) );
		}
		check_admin_referer( $action );
	}
}
