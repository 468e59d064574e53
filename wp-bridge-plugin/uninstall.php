<?php
/**
 * Runs when an admin deletes the plugin, active or not.
 *
 * @package SmiBridge
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

if ( ! defined( 'SMI_BRIDGE_DIR' ) ) {
	define( 'SMI_BRIDGE_DIR', __DIR__ . '/' );
}
require_once SMI_BRIDGE_DIR . 'includes/autoload.php';
SmiBridge\Ledger\Lifecycle::uninstall( array( SmiBridge\Files\Stored_Files::class, 'forget_all' ) );
