<?php
/**
 * Hooks of what customers see: the status view, the status page. Nothing else.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

add_action( 'init', array( Customer\Status_View::class, 'load_words' ) );
add_shortcode( 'smi_status', array( Customer\Status_View::class, 'shortcode' ) );
add_action( 'wp_head', array( Customer\Status_View::class, 'print_starter' ), 1 );
add_action( 'wp_footer', array( Customer\Status_View::class, 'print_script' ), 5 );
add_filter( 'rest_allowed_cors_headers', array( Customer\Status_Access::class, 'allow_headers' ) );
add_action( 'send_headers', array( Customer\Status_View::class, 'on_return' ), 1000 );
add_action( 'template_redirect', array( Customer\Status_Page::class, 'catch_address' ), 1 );
add_action( 'rest_api_init', array( Customer\Status_View::class, 'register_route' ) );
add_filter( 'rest_post_dispatch', array( Customer\Status_Access::class, 'withhold_link' ), 1000, 3 );

add_filter( 'smi_bridge_status_url', array( Customer\Status_View::class, 'link_for_mail' ), 5, 2 );

add_action( 'init', array( Customer\Status_View::class, 'register_block' ) );
add_action( 'wp_default_scripts', array( Customer\Status_View::class, 'add_block_script' ), 20 );

// Mails that come by the clock.
add_filter( 'cron_schedules', array( Mail\Scheduled_Mails::class, 'interval' ) ); // phpcs:ignore WordPress.WP.CronInterval -- ten minutes; the work is an index look-up.
add_action( 'init', array( Mail\Scheduled_Mails::class, 'schedule' ) );
add_action( Mail\Scheduled_Mails::HOOK, array( Jobs\Renewal::class, 'send_owed' ) ); // First: a renewed link’s mail settles a first one that was never begun.
add_action( Mail\Scheduled_Mails::HOOK, array( Mail\Scheduled_Mails::class, 'run' ) );
