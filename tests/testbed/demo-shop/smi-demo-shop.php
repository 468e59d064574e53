<?php
/**
 * Plugin Name:       SMI Demo Shop
 * Description:       A tiny shop that sells enlargements of your photos for no money: the table, the hooks and the pages that a real shop has, for trying and testing.
 * Version:           1.0.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * License:           GPL-2.0-or-later
 * Text Domain:       smi-demo-shop
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

const FILE = __FILE__;

require_once __DIR__ . '/includes/table.php';
require_once __DIR__ . '/includes/prices.php';
require_once __DIR__ . '/includes/jobs.php';
require_once __DIR__ . '/includes/buying.php';
require_once __DIR__ . '/includes/page.php';
require_once __DIR__ . '/includes/rest.php';
require_once __DIR__ . '/includes/refunds.php';
require_once __DIR__ . '/includes/admin.php';
require_once __DIR__ . '/functions.php';
require_once __DIR__ . '/hooks.php';

register_activation_hook( __FILE__, __NAMESPACE__ . '\activate' );

/** Make the tables, the options and the shop's page; safe to call twice. */
function activate(): void {
	create_tables();
	add_option( 'smi_download_expiry_hours', 24 );
	add_option( 'smi_terms_conditions_url', '' );
	add_option( 'smi_enabled', '1' );
	add_option( 'smi_demo_shop_refund_mode', 'ok' );
	create_page();
}
