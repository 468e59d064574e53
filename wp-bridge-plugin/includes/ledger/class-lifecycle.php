<?php
/**
 * Tables, secret and timetable come and go here: activation, a new version, a new site of a network, deactivation.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Sql;
use SmiBridge\Core\Staging_Lock;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * Life cycle. Everything is safe to run twice.
 */
final class Lifecycle {

	/** Raise it when a table changes. It stands here, so that a request which only compares it does not load Tables. */
	const SCHEMA = '5';

	/** In the place of SCHEMA, with the time: the database has refused the tables. */
	const REFUSED = 'refused ';

	/** Options that every request looks at, and what they are at first. */
	const OPTIONS = array(
		'smi_bridge_sidecar_url'     => '',
		'smi_bridge_public_url'      => '',
		'smi_bridge_secret'          => '',
		'smi_bridge_previous_secret' => '',
		'smi_bridge_paused'          => '',
		'smi_bridge_output_format'   => '',
		'smi_bridge_remove_data'     => '',
		'smi_bridge_circuit'         => array(),
		'smi_bridge_digest_due'      => 0,
		Staging_Lock::OPTION         => '', // Learnt with the first connection.
		'smi_bridge_test_picture'    => '',
		'smi_bridge_tidied'          => 0,
		'smi_bridge_status_at'       => 0,
		'smi_bridge_mail'            => array(),
		'smi_bridge_not_renewed'     => array(),
	);

	/** Activation. @param bool $network_wide For all sites of the network. */
	public static function activate( $network_wide = false ): void {
		self::on_sites( (bool) $network_wide, array( self::class, 'install' ) );
	}

	/**
	 * Deactivation: the timetable goes, data and settings stay; the shop's own handler is back with the next request.
	 *
	 * @param bool $network_wide For all sites of the network.
	 */
	public static function deactivate( $network_wide = false ): void {
		self::on_sites( (bool) $network_wide, array( self::class, 'clear_timetable' ) );
	}

	/**
	 * The plugin is deleted. What users have set on our pages is the network's: it goes when no site keeps anything.
	 *
	 * @param callable $files Forgets files that nobody would tidy any more, on the current site.
	 */
	public static function uninstall( callable $files ): void {
		$kept = false;
		self::on_sites(
			true,
			static function () use ( &$kept, $files ) {
				self::clear_timetable();
				$files();
				$kept = false === self::may_fail( array( Tables::class, 'drop' ), 'not_deleted' ) || $kept;
			}
		);
		if ( ! $kept ) {
			self::may_fail(
				static function () {
					Sql::run( 'DELETE FROM ' . $GLOBALS['wpdb']->usermeta . " WHERE meta_key LIKE 'smi\\_bridge\\_%' OR meta_key LIKE 'manage%smi-bridge-jobscolumnshidden'" );
				},
				'not_deleted'
			);
		}
	}

	/**
	 * A part that others go on without. Where the database refuses, the log says so.
	 *
	 * @param callable $part  Gets nothing.
	 * @param string   $event For the log.
	 * @return mixed What it returned; null: refused.
	 */
	private static function may_fail( callable $part, string $event = 'tables_unreadable' ) {
		try {
			return $part();
		} catch ( Database_Error $fault ) {
			Log::write( $event, $fault->getMessage(), array( 'site' => get_current_blog_id() ) );
			return null;
		}
	}

	/** Takes everything of ours out of the current site's timetable. */
	public static function clear_timetable(): void {
		foreach ( array_unique( array_merge( array(), ...array_map( 'array_keys', array_values( (array) _get_cron_array() ) ) ) ) as $hook ) {
			if ( 0 === strpos( $hook, 'smi_bridge_' ) ) {
				wp_unschedule_hook( $hook );
			}
		}
	}

	/** After an update without activation, and on each site of a network at its first request; some minutes later where the database has refused. */
	public static function when_version_changed(): void {
		$schema = (string) get_option( 'smi_bridge_schema' );
		if ( self::SCHEMA !== $schema && (int) str_replace( self::REFUSED, '', $schema ) < time() - Time_Limits::TABLES_AGAIN ) {
			self::install();
		}
	}

	/** Whether the tables are those of this version. */
	public static function is_installed(): bool {
		return get_option( 'smi_bridge_schema' ) === self::SCHEMA;
	}

	/** A site was added to the network. @param \WP_Site $site The new site. */
	public static function new_site( $site ): void {
		require_once ABSPATH . 'wp-admin/includes/plugin.php';
		if ( is_plugin_active_for_network( plugin_basename( SMI_BRIDGE_FILE ) ) ) {
			self::on_site( (int) $site->blog_id, array( self::class, 'install' ) );
		}
	}

	/** Makes tables, secret and timetable on the current site. */
	public static function install(): void {
		$is_made = self::may_fail( array( Tables::class, 'create' ) );
		foreach ( self::OPTIONS as $option => $value ) {
			add_option( $option, $value ); // Autoloaded: an option that is not there costs a query each time it is asked for.
		}
		add_option( 'smi_bridge_since', time() );
		if ( ! Settings::is_constant( 'secret' ) && '' === Settings::secret() ) {
			update_option( 'smi_bridge_secret', Signature::new_secret() );
		}
		if ( ! wp_next_scheduled( 'smi_bridge_daily' ) ) {
			wp_schedule_event( time() + HOUR_IN_SECONDS, 'daily', 'smi_bridge_daily' );
		}
		if ( ! $is_made ) {
			Log::write( 'tables_not_made', 'The database has refused the tables of this version; they are tried again.' );
		}
		update_option( 'smi_bridge_schema', $is_made ? self::SCHEMA : self::REFUSED . time() );
	}

	/**
	 * Runs something on all sites of the network, or on this one.
	 *
	 * @param bool     $all  Whether on all.
	 * @param callable $what What to run.
	 */
	private static function on_sites( bool $all, callable $what ): void {
		foreach ( is_multisite() && $all ? get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) : array( 0 ) as $site ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			self::on_site( (int) $site, $what );
		}
	}

	/**
	 * Runs something on a site of the network (0: the current one).
	 *
	 * @param int      $site Blog id.
	 * @param callable $what What to run.
	 */
	private static function on_site( int $site, callable $what ): void {
		if ( $site ) {
			switch_to_blog( $site );
		}
		$what();
		if ( $site ) {
			restore_current_blog();
		}
	}
}
