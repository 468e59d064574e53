<?php
/**
 * The bridge's place in wp-admin: menu, files, who may enter. Shows nothing itself.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Customer\Status_View;

defined( 'ABSPATH' ) || exit;

/**
 * Pages `smi-bridge` (dashboard), `smi-bridge-jobs`, `smi-bridge-settings`.
 */
final class Admin {

	/** Hook suffixes of our pages: slug => hook. */
	private static $pages = array();

	/** What one must be able to do to see or do anything here. */
	public static function capability(): string {
		/** Filters the capability for the bridge's pages and actions. */
		return (string) apply_filters( 'smi_bridge_capability', 'manage_options' );
	}

	/** Whether the present user may act. */
	public static function may(): bool {
		return current_user_can( self::capability() );
	}

	/** Adds the menu. */
	public static function add_pages(): void {
		$may   = self::capability();
		$name  = __( 'SMI Bridge', 'smi-bridge' );
		$pages = array(
			'smi-bridge'          => array( __( 'Dashboard', 'smi-bridge' ), array( Dashboard::class, 'render' ) ),
			'smi-bridge-jobs'     => array( __( 'Jobs', 'smi-bridge' ), array( Jobs_Page::class, 'render' ) ),
			'smi-bridge-settings' => array( __( 'Settings', 'smi-bridge' ), array( Settings_Page::class, 'render' ) ),
		);
		add_menu_page( $name, $name, $may, 'smi-bridge', array( Dashboard::class, 'render' ), 'dashicons-format-gallery', 58 );
		foreach ( $pages as $slug => $page ) {
			self::$pages[ $slug ] = add_submenu_page( 'smi-bridge', $page[0] . ' ‹ ' . $name, $page[0], $may, $slug, $page[1] );
		}
		add_action( 'load-' . self::$pages['smi-bridge-jobs'], array( Jobs_Page::class, 'load' ) );
		// People look for settings under Settings: an entry that leads here.
		add_submenu_page( 'options-general.php', $name, $name, $may, 'admin.php?page=smi-bridge-settings' );
	}

	/** Loads our files on our pages only. @param string $hook Suffix of the page. */
	public static function enqueue( $hook ): void {
		if ( ! in_array( $hook, self::$pages, true ) ) {
			return;
		}
		wp_enqueue_style( 'smi-bridge-admin', plugins_url( 'assets/admin.css', SMI_BRIDGE_FILE ), array(), SMI_BRIDGE_VERSION );
		wp_enqueue_script( 'smi-bridge-admin', plugins_url( 'assets/admin.js', SMI_BRIDGE_FILE ), array(), SMI_BRIDGE_VERSION, true );
		wp_add_inline_script(
			'smi-bridge-admin',
			'window.smiBridgeAdmin=' . Status_View::json(
				array(
					'ajax'  => admin_url( 'admin-ajax.php' ),
					'nonce' => wp_create_nonce( 'smi_bridge_admin' ),
					'text'  => Admin_Words::script(),
					'questions' => array_filter( array_map( array( Job_Actions::class, 'question' ), array_combine( array_keys( Allowed_Actions::labels() ), array_keys( Allowed_Actions::labels() ) ) ) ),
				)
			) . ';',
			'before'
		);
	}

	/** Adds "Settings" to the list of plugins. @param string[] $links Links. */
	public static function plugin_links( $links ): array {
		$link = sprintf( '<a href="%s">%s</a>', esc_url( self::url( 'settings' ) ), esc_html__( 'Settings', 'smi-bridge' ) );
		return array_merge( array( 'settings' => $link ), (array) $links );
	}

	/**
	 * The address of one of our pages.
	 *
	 * @param string $page  'dashboard', 'jobs' or 'settings'.
	 * @param array  $query Further query, not encoded.
	 */
	public static function url( string $page, array $query = array() ): string {
		$slug = 'dashboard' === $page ? 'smi-bridge' : 'smi-bridge-' . $page;
		return add_query_arg( array_map( 'rawurlencode', array( 'page' => $slug ) + $query ), admin_url( 'admin.php' ) );
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
