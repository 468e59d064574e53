<?php
/**
 * Every hook of the bridge's core, and nothing else. Admin pages and the customer's view list theirs in hooks-*.php.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

use SmiBridge\Customer\Download_Route;
use SmiBridge\Customer\Status_Route;
use SmiBridge\Files\Source_Route;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Jobs\Downloads;
use SmiBridge\Jobs\Payment;
use SmiBridge\Jobs\Provider_Refund;
use SmiBridge\Jobs\Test_Picture;
use SmiBridge\Ledger\Lifecycle;
use SmiBridge\Ledger\Tables;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Messages\Early_Endpoint;
use SmiBridge\Messages\Files_Endpoint;
use SmiBridge\Messages\Left_Messages;
use SmiBridge\Messages\Messages_Endpoint;
use SmiBridge\Shop\Compat;
use SmiBridge\Wire\Webhook_Relay;

defined( 'ABSPATH' ) || exit;

// Life cycle.
register_activation_hook( SMI_BRIDGE_FILE, array( Lifecycle::class, 'activate' ) );
register_deactivation_hook( SMI_BRIDGE_FILE, array( Lifecycle::class, 'deactivate' ) );
add_action( 'init', array( Lifecycle::class, 'when_version_changed' ), 1 );
add_action( 'wp_initialize_site', array( Lifecycle::class, 'new_site' ), 20 );
add_filter( 'wpmu_drop_tables', array( Tables::class, 'with_our_tables' ) );
add_action( 'smi_bridge_daily', array( Tables::class, 'tidy' ) );
add_action( 'smi_bridge_daily', array( Stored_Files::class, 'tidy' ) );
add_action( 'smi_bridge_daily', array( Left_Messages::class, 'end_old' ) );

// A test picture that is under way answers in the shop's place; without one nothing of it is loaded.
add_action( 'smi_bridge_daily', array( Test_Picture::class, 'status' ) );
if ( get_option( 'smi_bridge_test_picture' ) ) {
	Test_Picture::listen();
}

// Payments.
add_action( 'smi_payment_completed', array( Payment::class, 'event_begins' ), PHP_INT_MIN, 2 );
add_action( 'smi_payment_completed', array( Payment::class, 'payment_completed' ), 1, 2 );
add_action( 'stripe_integration_webhook_charge_refunded', array( Provider_Refund::class, 'charge_refunded' ), 20, 2 );

// What the customer has got.
add_action( 'smi_bridge_downloaded', array( Downloads::class, 'by_shop' ) );

// The sidecar's messages: the door answers as early as it can, the route is for everybody else's eyes.
if ( isset( $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ) && 'POST' === ( $_SERVER['REQUEST_METHOD'] ?? '' ) ) {
	add_action( 'plugins_loaded', array( Early_Endpoint::class, 'arrive' ), PHP_INT_MIN );
}
if ( strpos( $_SERVER['REQUEST_URI'] ?? '', 'files' ) ) { // phpcs:ignore WordPress.Security -- only looked at: other requests load none of it.
	add_action( 'plugins_loaded', array( Files_Endpoint::class, 'answer_early' ), PHP_INT_MIN );
	add_action( 'parse_request', array( Files_Endpoint::class, 'answer_early' ), 1 );
}
add_action( 'parse_request', array( Messages_Endpoint::class, 'answer_early' ), 1 );
if ( isset( $_GET['smi-bridge'] ) ) { // phpcs:ignore WordPress.Security.NonceVerification -- only looked at: other requests load none of it.
	add_action( 'init', array( Source_Route::class, 'answer' ), 20 );
	add_action( 'init', array( Download_Route::class, 'answer' ), 20 );
}
add_action( 'rest_api_init', array( Messages_Endpoint::class, 'register_route' ) );
add_action( 'rest_api_init', array( Status_Route::class, 'register_route' ) );
add_filter( 'rest_authentication_errors', array( Messages_Endpoint::class, 'let_signed_through' ), PHP_INT_MAX );

// Compatibility with other people's code.
add_action( 'wp_loaded', array( Compat::class, 'take_over' ), PHP_INT_MAX );
add_action( 'parse_request', array( Webhook_Relay::class, 'catch_address' ), 1 );
add_action( 'smi_bridge_upsampler_webhook', array( Webhook_Relay::class, 'answer' ) );
add_action( 'smi_daily_cleanup', array( Compat::class, 'cleanup_in_utc' ), 9 );
add_action( 'smi_daily_cleanup', array( Compat::class, 'cleanup_done' ), 11 );

add_filter( 'rest_request_before_callbacks', array( Compat::class, 'shop_download' ), 10, 3 );

// Alerts for the admin.
add_action( 'smi_bridge_tell_admin', array( Admin_Digest::class, 'send_digest' ) );

foreach ( glob( SMI_BRIDGE_DIR . 'hooks-*.php' ) as $smi_bridge_hooks ) {
	require_once $smi_bridge_hooks;
}
