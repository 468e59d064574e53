<?php
/**
 * The bridge's place in wp-admin: menu, files, who may enter. Shows nothing itself.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Customer\Status_View;
use SmiBridge\Health\First_Steps;
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
		if ( ! in_array( $hook, self::$pages, true ) ) {
			return;
		}
		wp_enqueue_style( 'smi-bridge-admin', plugins_url( 'assets/admin.css', SMI_BRIDGE_FILE ), array(), SMI_BRIDGE_VERSION );
		wp_enqueue_script( 'smi-bridge-admin', plugins_url( 'assets/admin.js', SMI_BRIDGE_FILE ), array(), SMI_BRIDGE_VERSION, true );
		if ( self::$pages['smi-bridge-first-run'] === $hook ) {
			wp_enqueue_script( 'smi-bridge-first-run', plugins_url( 'assets/first-run.js', SMI_BRIDGE_FILE ), array( 'smi-bridge-admin' ), SMI_BRIDGE_VERSION, true );
		}
		$facts = array(
			'ajax'      => admin_url( 'admin-ajax.php' ),
			'nonce'     => wp_create_nonce( 'smi_bridge_admin' ),
			'text'      => self::words(),
			'questions' => Allowed_Actions::questions(),
		);
		wp_add_inline_script( 'smi-bridge-admin', 'window.smiBridgeAdmin=' . Status_View::json( $facts ) . ';', 'before' );
	}

	/** Adds "Settings" to the list of plugins. @param string[] $links Links. */
	public static function plugin_links( $links ): array {
		$ours = array( 'settings' => array( 'settings', __( 'Settings', 'smi-bridge' ) ) );
		if ( ! get_option( First_Steps::DONE ) ) {
			$ours = array( 'first-run' => array( 'first-run', __( 'First steps', 'smi-bridge' ) ) ) + $ours;
		}
		foreach ( $ours as $name => $page ) {
			$ours[ $name ] = sprintf( '<a href="%s">%s</a>', esc_url( Admin_Access::url( $page[0] ) ), esc_html( $page[1] ) );
		}
		return array_merge( $ours, (array) $links );
	}

	/** Words of the script: key => plain text. */
	private static function words(): array {
		return array(
			'copied'   => __( 'Copied', 'smi-bridge' ),
			'copy'     => __( 'Copy', 'smi-bridge' ),
			'show'     => __( 'Show', 'smi-bridge' ),
			'hide'     => __( 'Hide', 'smi-bridge' ),
			'select'   => __( 'Press Ctrl+C to copy', 'smi-bridge' ),
			'testing'  => __( 'Testing…', 'smi-bridge' ),
			'failed'   => __( 'The request to WordPress failed. Reload the page and try again.', 'smi-bridge' ),
			'ok'       => __( 'OK', 'smi-bridge' ),
			'bad'      => __( 'Problem', 'smi-bridge' ),
			'warn'     => __( 'Please look', 'smi-bridge' ),
			'all_good' => __( 'Everything works in both directions.', 'smi-bridge' ),
			'delivered' => __( 'Delivered', 'smi-bridge' ),
			'working'  => __( 'In progress', 'smi-bridge' ),
			'review'   => __( 'In review', 'smi-bridge' ),
			'refunded' => __( 'Refunded', 'smi-bridge' ),
			'p50'      => __( 'Half are faster', 'smi-bridge' ),
			'p95'      => __( '95 % are faster', 'smi-bridge' ),
			/* translators: %s: seconds */
			'seconds'  => __( '%s s', 'smi-bridge' ),
			/* translators: %s: minutes */
			'minutes'  => __( '%s min', 'smi-bridge' ),
			'from'     => __( 'From', 'smi-bridge' ),
			'as_table' => __( 'As a table', 'smi-bridge' ),
			'no_errors' => __( 'Nothing in this period.', 'smi-bridge' ),
			'connected' => __( 'Connected', 'smi-bridge' ),
			'away'     => __( 'No connection.', 'smi-bridge' ),
			'held'     => __( 'On hold:', 'smi-bridge' ),
			'done'     => __( 'done', 'smi-bridge' ),
			'costs'    => __( 'This runs a real job at Upsampler, and costs a credit. Send it?', 'smi-bridge' ),
			'not_good' => __( 'Not everything works yet.', 'smi-bridge' ),
		);
	}
}
