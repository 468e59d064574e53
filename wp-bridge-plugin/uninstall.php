<?php
/**
 * Runs when an admin deletes the plugin. The ledger is a record of purchases: it goes only if the admin said so, on each site of a
 * network for itself. What belongs to others, finished pictures among it, is never touched.
 *
 * @package SmiBridge
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/**
 * Removes what the bridge keeps on the current site, if its admin said so.
 *
 * @return bool Whether nothing of ours is left here.
 */
function smi_bridge_remove_data() {
	global $wpdb;
	foreach ( array_unique( array_merge( array(), ...array_map( 'array_keys', array_values( (array) _get_cron_array() ) ) ) ) as $hook ) {
		if ( 0 === strpos( $hook, 'smi_bridge_' ) ) {
			wp_unschedule_hook( $hook );
		}
	}
	$constant = defined( 'SMI_BRIDGE_REMOVE_DATA' ) ? SMI_BRIDGE_REMOVE_DATA : get_option( 'smi_bridge_remove_data' );
	if ( ! in_array( strtolower( (string) $constant ), array( '1', 'true', 'yes', 'on' ), true ) ) {
		return ! $wpdb->get_var( $wpdb->prepare( 'SHOW TABLES LIKE %s', $wpdb->esc_like( $wpdb->prefix . 'smi_bridge_ledger' ) ) ); // phpcs:ignore WordPress.DB
	}
	// phpcs:disable WordPress.DB -- table names are ours; nothing is cached.
	foreach ( array( 'ledger', 'effects', 'events', 'answers', 'mailbox' ) as $table ) {
		$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}smi_bridge_$table" );
	}
	$ours = "option_name LIKE 'smi\\_bridge\\_%' OR option_name LIKE '\\_transient\\_smi\\_bridge\\_%' OR option_name LIKE '\\_transient\\_timeout\\_smi\\_bridge\\_%'";
	foreach ( $wpdb->get_col( "SELECT option_name FROM {$wpdb->options} WHERE $ours" ) as $option ) {
		delete_option( $option );
	}
	// phpcs:enable
	return true;
}

/** Removes what users have set on our pages: the users are the network's, so only when no site keeps anything. */
function smi_bridge_remove_user_settings() {
	global $wpdb;
	$wpdb->query( "DELETE FROM {$wpdb->usermeta} WHERE meta_key LIKE 'smi\\_bridge\\_%' OR meta_key LIKE 'manage%smi-bridge-jobscolumnshidden'" ); // phpcs:ignore WordPress.DB -- as above.
}

$smi_bridge_all = true;
if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $smi_bridge_site ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		switch_to_blog( $smi_bridge_site );
		$smi_bridge_all = smi_bridge_remove_data() && $smi_bridge_all;
		restore_current_blog();
	}
} else {
	$smi_bridge_all = smi_bridge_remove_data();
}
if ( $smi_bridge_all ) {
	smi_bridge_remove_user_settings();
}
