<?php
/**
 * Runs when an admin deletes the plugin. The ledger is a record of purchases: it goes only if the admin said so.
 *
 * @package SmiBridge
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/** Removes what the bridge keeps on the current site. */
function smi_bridge_remove_data() {
	global $wpdb;
	$constant = defined( 'SMI_BRIDGE_REMOVE_DATA' ) ? SMI_BRIDGE_REMOVE_DATA : get_option( 'smi_bridge_remove_data' );
	if ( ! in_array( strtolower( (string) $constant ), array( '1', 'true', 'yes', 'on' ), true ) ) {
		return;
	}
	// phpcs:disable WordPress.DB -- table names are ours; nothing is cached.
	foreach ( array( 'ledger', 'effects', 'events', 'answers' ) as $table ) {
		$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}smi_bridge_$table" );
	}
	foreach ( $wpdb->get_col( "SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE 'smi\\_bridge\\_%'" ) as $option ) {
		delete_option( $option );
	}
	$wpdb->query( "DELETE FROM {$wpdb->usermeta} WHERE meta_key LIKE 'smi\\_bridge\\_%'" );
	// phpcs:enable
	wp_clear_scheduled_hook( 'smi_bridge_daily' );
	wp_clear_scheduled_hook( 'smi_bridge_tell_admin' );
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $smi_bridge_site ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		switch_to_blog( $smi_bridge_site );
		smi_bridge_remove_data();
		restore_current_blog();
	}
} else {
	smi_bridge_remove_data();
}
