<?php
/**
 * Hooks of the admin's pages. Nothing else; nothing of it is loaded for visitors.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

// Site Health's weekly check runs in WP-Cron, outside of wp-admin.
add_filter( 'site_status_tests', array( Health\Site_Health::class, 'tests' ) );

if ( ! is_admin() ) {
	return;
}

add_action( 'admin_menu', array( Admin\Admin::class, 'add_pages' ) );
add_action( 'admin_enqueue_scripts', array( Admin\Admin::class, 'enqueue' ) );
add_filter( 'plugin_action_links_' . plugin_basename( SMI_BRIDGE_FILE ), array( Admin\Admin::class, 'plugin_links' ) );

add_action( 'wp_ajax_smi_bridge_dashboard', array( Admin\Dashboard::class, 'answer' ) );
add_action( 'shutdown', array( Wire\Sidecar_Report::class, 'inspect_later' ), 1100 );

add_filter( 'set_screen_option_smi_bridge_jobs_per_page', array( Admin\Jobs_Page::class, 'save_option' ), 10, 3 );
add_filter( 'default_hidden_columns', array( Admin\Jobs_Page::class, 'hidden_at_first' ), 10, 2 );

add_action( 'admin_init', array( Admin\Settings_Page::class, 'register' ) );
add_action( 'wp_ajax_smi_bridge_env', array( Admin\Connection_String::class, 'answer' ) );
add_action( 'wp_ajax_smi_bridge_test_connection', array( Admin\Settings_Page::class, 'test_connection' ) );
add_action( 'wp_ajax_smi_bridge_first_run', array( Admin\First_Run_Page::class, 'answer' ) );
add_action( 'wp_ajax_smi_bridge_send_test', array( Admin\First_Run_Page::class, 'send' ) );
add_action( 'admin_post_smi_bridge_secret', array( Admin\Secret_Change::class, 'handle' ) );
add_action( 'admin_post_smi_bridge_lock_site', array( Admin\Secret_Change::class, 'lock_site' ) );

add_action( 'admin_notices', array( Admin\Problem_Notices::class, 'show' ) );
add_action( 'admin_bar_menu', array( Admin\Problem_Notices::class, 'light' ), 90 );
add_action( 'wp_dashboard_setup', array( Admin\Problem_Notices::class, 'add_widget' ) );
add_action( 'wp_ajax_smi_bridge_dismiss', array( Admin\Problem_Notices::class, 'dismiss' ) );

add_action( 'wp_ajax_health-check-smi-bridge_doors', array( Health\Site_Health::class, 'answer' ) );
add_action( 'wp_ajax_health-check-smi-bridge_leak', array( Health\Site_Health::class, 'answer' ) );
add_filter( 'debug_information', array( Health\Site_Health::class, 'debug' ) );

add_action( 'wp_ajax_smi_bridge_mail_preview', array( Admin\Mail_Preview::class, 'show' ) );
add_action( 'wp_ajax_smi_bridge_mail_test', array( Admin\Mail_Preview::class, 'send' ) );

add_action( 'admin_enqueue_scripts', array( Admin\Shop_Jobs_Page::class, 'enqueue' ) );
add_action( 'wp_ajax_smi_bridge_shop_states', array( Admin\Shop_Jobs_Page::class, 'states' ) );
add_action( 'wp_ajax_smi_bridge_shop_retry', array( Admin\Shop_Jobs_Page::class, 'retry' ) );

add_action( 'admin_init', array( Interfaces\Privacy\Privacy::class, 'suggest_text' ) );
