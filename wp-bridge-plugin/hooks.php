<?php
/**
 * Every hook of the bridge's core, and nothing else. Admin pages and the customer's view list theirs in hooks-*.php.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

// Life cycle.
register_activation_hook( SMI_BRIDGE_FILE, array( Ledger\Lifecycle::class, 'activate' ) );
register_deactivation_hook( SMI_BRIDGE_FILE, array( Ledger\Lifecycle::class, 'deactivate' ) );
add_action( 'init', array( Ledger\Lifecycle::class, 'when_version_changed' ), 1 );
add_action( 'wp_initialize_site', array( Ledger\Lifecycle::class, 'new_site' ), 20 );
add_filter( 'wpmu_drop_tables', array( Ledger\Tables::class, 'with_our_tables' ) );
add_action( 'smi_bridge_daily', array( Ledger\Tables::class, 'tidy' ) );
add_action( 'smi_bridge_daily', array( Files\Stored_Files::class, 'tidy' ) );
add_action( 'smi_bridge_daily', array( Messages\Left_Messages::class, 'end_old' ) );

// A test picture that is under way answers in the shop's place; without one nothing of it is loaded.
add_action( 'smi_bridge_daily', array( Jobs\Test_Picture::class, 'status' ) );
if ( get_option( 'smi_bridge_test_picture' ) ) {
	Jobs\Test_Picture::listen();
}

// Payments.
add_action( 'smi_payment_completed', array( Jobs\Payment::class, 'event_begins' ), PHP_INT_MIN, 2 );
add_action( 'smi_payment_completed', array( Jobs\Payment::class, 'payment_completed' ), 1, 2 );
add_action( 'stripe_integration_webhook_charge_refunded', array( Jobs\Provider_Refund::class, 'charge_refunded' ), 20, 2 );

// What the customer has got.
add_action( 'smi_bridge_downloaded', array( Jobs\Downloads::class, 'by_shop' ) );

// The sidecar's messages: the door answers as early as it can, the route is for everybody else's eyes.
if ( isset( $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ) && 'POST' === ( $_SERVER['REQUEST_METHOD'] ?? '' ) ) {
	add_action( 'plugins_loaded', array( Messages\Early_Endpoint::class, 'arrive' ), PHP_INT_MIN );
}
if ( strpos( $_SERVER['REQUEST_URI'] ?? '', 'files' ) ) { // phpcs:ignore WordPress.Security -- only looked at: other requests load none of it.
	add_action( 'plugins_loaded', array( Messages\Files_Endpoint::class, 'answer_early' ), PHP_INT_MIN );
	add_action( 'parse_request', array( Messages\Files_Endpoint::class, 'answer_early' ), 1 );
}
add_action( 'parse_request', array( Messages\Messages_Endpoint::class, 'answer_early' ), 1 );
if ( isset( $_GET['smi-bridge'] ) ) { // phpcs:ignore WordPress.Security.NonceVerification -- only looked at: other requests load none of it.
	add_action( 'init', array( Files\Source_Route::class, 'answer' ), 20 );
	add_action( 'init', array( Customer\Download_Route::class, 'answer' ), 20 );
}
add_action( 'rest_api_init', array( Messages\Messages_Endpoint::class, 'register_route' ) );
add_action( 'rest_api_init', array( Customer\Status_Route::class, 'register_route' ) );
add_filter( 'rest_authentication_errors', array( Messages\Messages_Endpoint::class, 'let_signed_through' ), PHP_INT_MAX );

// Compatibility with other people's code.
add_action( 'wp_loaded', array( Shop\Compat::class, 'take_over' ), PHP_INT_MAX );
add_action( 'parse_request', array( Wire\Webhook_Relay::class, 'catch_address' ), 1 );
add_action( 'smi_bridge_upsampler_webhook', array( Wire\Webhook_Relay::class, 'answer' ) );
add_action( 'smi_daily_cleanup', array( Shop\Compat::class, 'cleanup_in_utc' ), 9 );
add_action( 'smi_daily_cleanup', array( Shop\Compat::class, 'cleanup_done' ), 11 );

add_filter( 'rest_request_before_callbacks', array( Shop\Compat::class, 'shop_download' ), 10, 3 );

// Alerts for the admin.
add_action( 'smi_bridge_tell_admin', array( Mail\Admin_Digest::class, 'send_digest' ) );

foreach ( glob( SMI_BRIDGE_DIR . 'hooks-*.php' ) as $smi_bridge_hooks ) {
	require_once $smi_bridge_hooks;
}
