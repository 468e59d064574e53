<?php
/**
 * The tables of the bridge: made, emptied of what nobody needs, and dropped with a site.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * The form of each table stands in docs/contract.md, part 4. Rows of purchases are not dropped by age unless a filter says so.
 */
final class Tables {

	/** Makes or changes the tables on the current site. @return bool Whether all is there: not every user of a database may make tables. */
	public static function create(): bool {
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		dbDelta( self::definitions() );
		return ! self::missing();
	}

	/**
	 * Tables and columns that are not there.
	 *
	 * @return string[] Such as `wp_smi_bridge_ledger` and `wp_smi_bridge_ledger.stage_since`.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function missing(): array {
		$missing = array();
		foreach ( Sql::TABLES as $name ) {
			$table    = Sql::table( $name );
			$is_there = Sql::row( 'SHOW TABLES LIKE %s', array( $GLOBALS['wpdb']->esc_like( $table ) ) );
			$columns  = $is_there ? array_column( Sql::rows( 'DESCRIBE ' . Sql::table( $name ) ), 'Field' ) : array();
			preg_match( "/^CREATE TABLE $table \((.*?)^\)/ms", self::definitions(), $definition );
			preg_match_all( '/^\t([a-z0-9_]+) /m', $definition[1], $wanted );
			foreach ( $is_there ? array_diff( $wanted[1], $columns ) : array( '' ) as $column ) {
				$missing[] = rtrim( $table . '.' . $column, '.' );
			}
		}
		return $missing;
	}

	/** A site of the network goes, our tables with it. @param string[] $tables Full names. */
	public static function with_our_tables( $tables ): array {
		return array_merge( (array) $tables, array_map( array( Sql::class, 'table' ), Sql::TABLES ) );
	}

	/**
	 * The plugin is deleted: tables and options of the current site go, if its admin said so, for the ledger is a record of purchases. What
	 * belongs to others, finished pictures among it, is never touched. Tables go last: not every user of a database may drop them.
	 *
	 * @return bool Whether nothing of ours is left here.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function drop(): bool {
		if ( ! Settings::is_on( 'remove_data' ) ) {
			return ! Sql::row( 'SHOW TABLES LIKE %s', array( $GLOBALS['wpdb']->esc_like( Sql::table( 'ledger' ) ) ) );
		}
		$ours = "option_name LIKE 'smi\\_bridge\\_%' OR option_name LIKE '\\_transient\\_smi\\_bridge\\_%' OR option_name LIKE '\\_transient\\_timeout\\_smi\\_bridge\\_%'";
		foreach ( Sql::rows( 'SELECT option_name FROM ' . $GLOBALS['wpdb']->options . " WHERE $ours" ) as $row ) {
			delete_option( $row['option_name'] );
		}
		foreach ( Sql::TABLES as $table ) {
			Sql::run( 'DROP TABLE IF EXISTS ' . Sql::table( $table ) );
		}
		return true;
	}

	/**
	 * Daily: answers that nobody can ask for any more, and old lines of the history. The ledger itself is a record of purchases
	 * and stays, unless a filter sets an age.
	 */
	public static function tidy(): void {
		update_option( 'smi_bridge_tidied', time() );
		Idempotency::forget_old();
		// Marks of digests, which belong to no job.
		Sql::run( 'DELETE FROM ' . Sql::table( 'effects' ) . " WHERE job_id = '-' AND claimed_at < " . Sql::value( Sql::utc( time() - DAY_IN_SECONDS ) ) );
		/** Filters for how many days the history of an attempt is kept. */
		$days = (int) apply_filters( 'smi_bridge_keep_story_days', 180 );
		Sql::run( 'DELETE FROM ' . Sql::table( 'events' ) . ' WHERE at < ' . Sql::value( Sql::utc( time() - max( 1, $days ) * DAY_IN_SECONDS ) ) . ' LIMIT 20000' );
		/** Filters for how many days delivered and refunded attempts stay in the ledger; 0: for ever. */
		$ledger = (int) apply_filters( 'smi_bridge_keep_ledger_days', 0 );
		if ( $ledger > 0 ) {
			Ledger::forget_settled( time() - $ledger * DAY_IN_SECONDS );
		}
	}

	/** The same, if it was not done for a day. @return bool Whether it was done now. */
	public static function tidy_when_due(): bool {
		$is_due = (int) get_option( 'smi_bridge_tidied' ) < time() - DAY_IN_SECONDS;
		if ( $is_due ) {
			self::tidy();
		}
		return $is_due;
	}

	/** The tables of docs/contract.md, part 4, in the form that dbDelta() reads. All times are UTC. */
	private static function definitions(): string {
		$facts = array(
			'{prefix}'  => Sql::table( '' ),
			'{charset}' => $GLOBALS['wpdb']->get_charset_collate(),
		);
		return strtr( file_get_contents( SMI_BRIDGE_DIR . 'schemas/tables.sql' ), $facts ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- a file of our own.
	}
}
