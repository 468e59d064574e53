<?php
/**
 * The few statements that the bridge's tables need. Every value is prepared; every failure is an exception.
 *
 * Not `$wpdb->insert()` and `update()`: they ask the database for the table's columns first, in every request.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.DB -- this is the one place that speaks SQL for our own tables; names are ours, values are prepared below.

/**
 * Statements over our tables. Names of tables and columns must be literals of ours, never input.
 */
final class Sql {

	/** Our tables, without the prefix. */
	const TABLES = array( 'ledger', 'effects', 'events', 'answers', 'mailbox' );

	/** The full name of one of our tables on this site. @param string $table See TABLES. */
	public static function table( string $table ): string {
		return $GLOBALS['wpdb']->prefix . 'smi_bridge_' . $table;
	}

	/**
	 * Inserts a row unless its unique key is taken.
	 *
	 * @param string $table See TABLES.
	 * @param array  $row   Column => int, float, string or null.
	 * @return int The new row's id (1 where the table has none), 0 when the key was taken.
	 * @throws Database_Error When the database refuses.
	 */
	public static function insert_ignore( string $table, array $row ): int {
		$sql = 'INSERT IGNORE INTO ' . self::table( $table ) . ' (' . implode( ', ', array_keys( $row ) ) . ') VALUES ' . self::in( $row );
		return self::run( $sql ) ? max( 1, (int) $GLOBALS['wpdb']->insert_id ) : 0;
	}

	/**
	 * Inserts a row in the place of those that have one of its unique keys.
	 *
	 * @param string $table See TABLES.
	 * @param array  $row   Column => int, float, string or null.
	 * @throws Database_Error When the database refuses.
	 */
	public static function replace( string $table, array $row ): void {
		self::run( 'REPLACE INTO ' . self::table( $table ) . ' (' . implode( ', ', array_keys( $row ) ) . ') VALUES ' . self::in( $row ) );
	}

	/**
	 * Inserts several rows of the same columns in one statement.
	 *
	 * @param string  $table See TABLES.
	 * @param array[] $rows  At least one row.
	 * @throws Database_Error When the database refuses.
	 */
	public static function insert_all( string $table, array $rows ): void {
		$values = array_map( array( self::class, 'in' ), $rows );
		self::run( 'INSERT INTO ' . self::table( $table ) . ' (' . implode( ', ', array_keys( $rows[0] ) ) . ') VALUES ' . implode( ', ', $values ) );
	}

	/**
	 * Updates rows where every column of `$where` equals its value (null: IS NULL).
	 *
	 * @param string $table A full table name.
	 * @param array  $set   Column => value.
	 * @param array  $where Column => value, not empty.
	 * @return int Rows that changed.
	 * @throws Database_Error When the database refuses.
	 */
	public static function update( string $table, array $set, array $where ): int {
		$pairs = array();
		foreach ( $set as $column => $value ) {
			$pairs[] = $column . ' = ' . self::value( $value );
		}
		$tests = array();
		foreach ( $where as $column => $value ) {
			$tests[] = $column . ( null === $value ? ' IS NULL' : ' = ' . self::value( $value ) );
		}
		return self::run( "UPDATE $table SET " . implode( ', ', $pairs ) . ' WHERE ' . implode( ' AND ', $tests ) );
	}

	/**
	 * Rows of a SELECT, as arrays of strings and nulls.
	 *
	 * @param string $sql    Statement with %s, %d placeholders.
	 * @param array  $values Their values.
	 * @return array[]
	 * @throws Database_Error When the database refuses.
	 */
	public static function rows( string $sql, array $values = array() ): array {
		$db   = $GLOBALS['wpdb'];
		$rows = $db->get_results( $values ? $db->prepare( $sql, $values ) : $sql, ARRAY_A );
		if ( '' !== $db->last_error || ! is_array( $rows ) ) {
			throw new Database_Error( esc_html( $db->last_error ) );
		}
		return $rows;
	}

	/**
	 * The first row of a SELECT, or null. All rows are read: say LIMIT 1.
	 *
	 * @param string $sql    Statement with %s, %d placeholders.
	 * @param array  $values Their values.
	 * @return array|null Column => string or null.
	 * @throws Database_Error When the database refuses.
	 */
	public static function row( string $sql, array $values = array() ): ?array {
		return self::rows( $sql, $values )[0] ?? null;
	}

	/**
	 * Runs a statement that returns no rows.
	 *
	 * @param string $sql A complete statement.
	 * @return int Rows that changed.
	 * @throws Database_Error When the database refuses.
	 */
	public static function run( string $sql ): int {
		$db     = $GLOBALS['wpdb'];
		$result = $db->query( $sql );
		if ( false === $result ) {
			throw new Database_Error( esc_html( $db->last_error ) );
		}
		return (int) $result;
	}

	/**
	 * A value as SQL.
	 *
	 * @param mixed $value Int, float, bool, string or null.
	 */
	public static function value( $value ): string {
		if ( null === $value ) {
			return 'NULL';
		}
		if ( is_int( $value ) || is_bool( $value ) ) {
			return (string) (int) $value;
		}
		// The same escaping as prepare()'s, without reading a format for each value: a delivery of fifty has a thousand of them.
		return is_float( $value ) ? sprintf( '%F', $value ) : "'" . esc_sql( (string) $value ) . "'";
	}

	/**
	 * Values as a list in brackets, for IN (…) and VALUES (…).
	 *
	 * @param array $values Not empty.
	 */
	public static function in( array $values ): string {
		return '(' . implode( ', ', array_map( array( self::class, 'value' ), $values ) ) . ')';
	}

	/** UTC for a DATETIME column. @param int $unix Unix seconds. */
	public static function utc( int $unix ): string {
		return gmdate( 'Y-m-d H:i:s', $unix );
	}

	/** Unix seconds of a DATETIME in UTC; 0 for what is none. @param string $datetime E.g. `2026-11-22 10:00:00`. */
	public static function unix( string $datetime ): int {
		return (int) strtotime( $datetime . ' UTC' );
	}

	/**
	 * RFC 3339 text of a message as a DATETIME in UTC; null stays null.
	 *
	 * @param string|null $text E.g. `2026-11-22T10:00:00Z`.
	 */
	public static function from_rfc3339( ?string $text ): ?string {
		return null === $text ? null : str_replace( array( 'T', 'Z' ), array( ' ', '' ), $text );
	}

	/**
	 * A DATETIME in UTC as RFC 3339; null stays null.
	 *
	 * @param string|null $datetime E.g. `2026-11-22 10:00:00`.
	 */
	public static function rfc3339( ?string $datetime ): ?string {
		return null === $datetime || '' === $datetime ? null : str_replace( ' ', 'T', substr( $datetime, 0, 19 ) ) . 'Z';
	}
}
