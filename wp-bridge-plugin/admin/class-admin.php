<?php
/**
 * The bridge's place in wp-admin: menu, files, who may enter. Shows nothing itself.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Customer\Status_View;
use SmiBridge\Jobs\Allowed_Actions;

defined( 'ABSPATH' ) || exit;

/**
 * Pages `smi-bridge` (dashboard), `smi-bridge-jobs`, `smi-bridge-settings`. What a page shows is the care of its own class; scripts and
 * styles are loaded on our pages only.
 */
final class Admin {

	/** Hook suffixes of our pages: slug => hook. */
	private static $pages = array();

	/** Adds the menu. */
	public static function add_pages(): void {
		$may   = Admin_Access::capability();
		$name  = __( 'SMI Bridge', 'smi-bridge' );
		$pages = array(
			'smi-bridge'          => array( __( 'Dashboard', 'smi-bridge' ), array( Dashboard::class, 'render' ) ),
			'smi-bridge-jobs'     => array( __( 'Jobs', 'smi-bridge' ), array( Jobs_Page::class, 'render' ) ),
			'smi-bridge-settings' => array( __( 'Settings', 'smi-bridge' ), array( Settings_Page::class, 'render' ) ),
			'smi-bridge-first-run' => array( __( 'First steps', 'smi-bridge' ), array( First_Run_Page::class, 'render' ) ),
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
		$page = array_search( $hook, self::$pages, true );
		if ( false === $page ) {
			return;
		}
		wp_enqueue_style( 'smi-bridge-admin', plugins_url( 'assets/admin.css', SMI_BRIDGE_FILE ), array(), SMI_BRIDGE_VERSION );
		self::load_script( 'admin' );
		if ( 'smi-bridge' === $page ) {
			$charts = plugins_url( 'assets/vendor/uplot/', SMI_BRIDGE_FILE );
			wp_enqueue_style( 'smi-bridge-uplot', $charts . 'uPlot.min.css', array(), '1.6.32' );
			wp_enqueue_script( 'smi-bridge-uplot', $charts . 'uPlot.iife.min.js', array(), '1.6.32', true );
			self::load_script( 'dashboard', 'smi-bridge-admin', 'smi-bridge-uplot' );
		} elseif ( 'smi-bridge-first-run' === $page ) {
			self::load_script( 'first-run', 'smi-bridge-admin' );
		}
	}

	/**
	 * Loads a script of ours with its translations; with the first one, what all of them need to ask WordPress.
	 *
	 * @param string $name  Of the file in assets/.
	 * @param string $needs Handles of scripts that come before it.
	 */
	public static function load_script( string $name, string ...$needs ): void {
		$handle = 'smi-bridge-' . $name;
		wp_enqueue_script( $handle, plugins_url( "assets/$name.js", SMI_BRIDGE_FILE ), $needs, SMI_BRIDGE_VERSION, true );
		wp_set_script_translations( $handle, 'smi-bridge', SMI_BRIDGE_DIR . 'languages' );
		if ( 'admin' === $name ) {
			$facts = array(
				'ajax'      => admin_url( 'admin-ajax.php' ),
				'nonce'     => wp_create_nonce( 'smi_bridge_admin' ),
				'history'   => Admin_Access::url( 'jobs', array( 'job' => 'JOB' ) ),
				'questions' => Allowed_Actions::questions(),
			);
			wp_add_inline_script( $handle, 'window.smiBridgeAdmin=' . Status_View::json( $facts ) . ';', 'before' );
		}
	}

	/** Adds "Settings" to the list of plugins. @param string[] $links Links. */
	public static function plugin_links( $links ): array {
		$ours = array( 'settings' => array( 'settings', __( 'Settings', 'smi-bridge' ) ) );
		if ( ! get_option( First_Run_Page::DONE ) ) {
			$ours = array( 'first-run' => array( 'first-run', __( 'First steps', 'smi-bridge' ) ) ) + $ours;
		}
		foreach ( $ours as $name => $page ) {
			$ours[ $name ] = sprintf( '<a href="%s">%s</a>', esc_url( Admin_Access::url( $page[0] ) ), esc_html( $page[1] ) );
		}
		return array_merge( $ours, (array) $links );
	}
}
