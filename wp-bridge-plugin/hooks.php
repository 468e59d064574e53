<?php
/**
 * Every hook of the bridge's core, and nothing else. Admin pages and the customer's view list theirs in hooks-*.php.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

// Life cycle.
register_activation_hook( SMI_BRIDGE_FILE, array( Install::class, 'activate' ) );
register_deactivation_hook( SMI_BRIDGE_FILE, array( Install::class, 'deactivate' ) );
add_action( 'init', array( Install::class, 'when_version_changed' ), 1 );
add_action( 'wp_initialize_site', array( Install::class, 'new_site' ), 20 );
add_filter( 'wpmu_drop_tables', array( Install::class, 'with_our_tables' ) );
add_action( 'smi_bridge_daily', array( Install::class, 'tidy' ) );

// Payments.
add_action( 'smi_payment_completed', array( Forwarder::class, 'payment_completed' ), 1, 2 );
add_action( 'shutdown', array( Forwarder::class, 'send_waiting' ), 1000 );
add_action( 'stripe_integration_webhook_charge_refunded', array( Stripe_Refund::class, 'charge_refunded' ), 20, 2 );

// What the customer has got.
add_action( 'smi_bridge_downloaded', array( Downloads::class, 'by_shop' ) );

// The sidecar's messages: the door answers before WordPress builds its REST server, the route is for everybody else's eyes.
add_action( 'parse_request', array( Door::class, 'answer_early' ), 1 );
add_action( 'rest_api_init', array( Door::class, 'register_route' ) );
add_action( 'rest_api_init', array( Status_Route::class, 'register_route' ) );
add_filter( 'rest_authentication_errors', array( Door::class, 'let_signed_through' ), PHP_INT_MAX );

// Other people's quirks.
add_action( 'wp_loaded', array( Quirks::class, 'take_over' ), PHP_INT_MAX );
add_action( 'parse_request', array( Webhook_Relay::class, 'catch_address' ), 1 );
add_action( 'smi_daily_cleanup', array( Quirks::class, 'cleanup_in_utc' ), 9 );
add_action( 'smi_daily_cleanup', array( Quirks::class, 'cleanup_done' ), 11 );

add_filter( 'rest_request_before_callbacks', array( Quirks::class, 'shop_download' ), 10, 3 );

// What a person must hear.
add_action( 'smi_bridge_tell_admin', array( Notices::class, 'send_digest' ) );

foreach ( glob( SMI_BRIDGE_DIR . 'hooks-*.php' ) as $smi_bridge_hooks ) {
	require_once $smi_bridge_hooks;
}
