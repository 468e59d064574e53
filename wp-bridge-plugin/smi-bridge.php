<?php
/**
 * Plugin Name:       SMI Bridge
 * Description:       Hands paid image enlargements to the SMI Sidecar, keeps the ledger of what was bought, delivered, mailed and refunded, and tells the customer.
 * Version:           1.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       smi-bridge
 * Domain Path:       /languages
 *
 * The door of the plugin: it names itself, checks what it stands on, and lets the rest in.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;

define( 'SMI_BRIDGE_VERSION', '1.1.0' );
define( 'SMI_BRIDGE_FILE', __FILE__ );
define( 'SMI_BRIDGE_DIR', __DIR__ . '/' );

if ( PHP_VERSION_ID < 70400 || version_compare( $GLOBALS['wp_version'], '6.1', '<' ) ) {
	add_action(
		'admin_notices',
		function () {
			echo '<div class="notice notice-error"><p>' . esc_html__( 'SMI Bridge needs PHP 7.4 and WordPress 6.1, or newer. It does nothing on this site.', 'smi-bridge' ) . '</p></div>';
		}
	);
	return;
}

require_once SMI_BRIDGE_DIR . 'includes/autoload.php';
require_once SMI_BRIDGE_DIR . 'hooks.php';
