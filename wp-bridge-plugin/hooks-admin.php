<?php
/**
 * Hooks of the admin's pages. Nothing else; nothing of it is loaded for visitors.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

if ( ! is_admin() ) {
	return;
}

add_action( 'admin_menu', array( Admin::class, 'add_pages' ) );
add_action( 'admin_enqueue_scripts', array( Admin::class, 'enqueue' ) );
add_filter( 'plugin_action_links_' . plugin_basename( SMI_BRIDGE_FILE ), array( Admin::class, 'plugin_links' ) );

add_action( 'admin_enqueue_scripts', array( Dashboard::class, 'enqueue' ), 20 );
add_action( 'wp_ajax_smi_bridge_dashboard', array( Dashboard::class, 'answer' ) );
add_action( 'shutdown', array( Sidecar_Health::class, 'look_later' ), 1100 );

add_filter( 'set_screen_option_' . Jobs_Page::PER_PAGE, array( Jobs_Page::class, 'save_option' ), 10, 3 );
add_filter( 'default_hidden_columns', array( Jobs_Page::class, 'hidden_at_first' ), 10, 2 );

add_action( 'admin_init', array( Settings_Page::class, 'register' ) );
add_action( 'wp_ajax_smi_bridge_env', array( Env_Lines::class, 'answer' ) );
add_action( 'wp_ajax_smi_bridge_test_connection', array( Connection_Report::class, 'answer' ) );
add_action( 'admin_post_smi_bridge_secret', array( Secret_Change::class, 'handle' ) );
add_action( 'admin_post_smi_bridge_lock_site', array( Secret_Change::class, 'lock_site' ) );
