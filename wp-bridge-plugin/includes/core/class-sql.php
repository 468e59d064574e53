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

	/** Changes that are to be written together: table => id => {set, expected}. Null: nothing is gathered. @var array[]|null */
	private static $gathered = null;

	/** The full name of one of our tables on this site. @param string $table See TABLES. */
	public static function table( string $table ): string {
		return $GLOBALS['wpdb']->prefix . 'smi_bridge_' . $table;
	}

	/**
	 * Inserts a row unless its unique key is taken.
	 *
	 * @param string $table See TABLES.
	 * @param array  $row   Column => int, float, string or null.
	 * @param array  $while Column => value of another row of the table: only if there is one. Somebody who has it locked is waited for.
	 * @return int The new row's id (1 where the table has none), 0 when the key was taken or the other row is not there.
	 * @throws Database_Error When the database refuses.
	 */
	public static function insert_ignore( string $table, array $row, array $while = array() ): int {
		$name   = self::table( $table );
		$values = self::in( $row );
		$source = $while ? 'SELECT ' . trim( $values, '()' ) . " FROM $name WHERE " . self::tests( $while ) : "VALUES $values";
		$sql    = "INSERT IGNORE INTO $name (" . implode( ', ', array_keys( $row ) ) . ") $source";
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
		return self::run( "UPDATE $table SET " . implode( ', ', $pairs ) . ' WHERE ' . self::tests( $where ) );
	}

	/** That every column equals its value. @param array $where Column => value (null: IS NULL), not empty. */
	private static function tests( array $where ): string {
		$tests = array();
		foreach ( $where as $column => $value ) {
			$tests[] = $column . ( null === $value ? ' IS NULL' : ' = ' . self::value( $value ) );
		}
		return implode( ' AND ', $tests );
	}

	/**
	 * Runs something whose changes of single rows (change()) are written together, in a statement or two for each table: when it is over,
	 * and before any statement of ours that names one of the tables. A rush changes fifty rows in one delivery, and most of a statement's
	 * cost is the way to the database and back.
	 *
	 * @param callable $work Gets nothing; its result is returned.
	 * @return mixed
	 * @throws Database_Error When the database refuses, or a row was not as expected: the caller undoes it all.
	 */
	public static function gather( callable $work ) {
		if ( empty( $GLOBALS['wpdb']->is_mysql ) ) {
			return $work(); // WordPress' drop-in for SQLite has no word for "equal, or both null".
		}
		self::$gathered = array();
		try {
			$result = $work();
			self::write_gathered();
			return $result;
		} finally {
			self::$gathered = null;
		}
	}

	/** Whether changes are gathered now. */
	public static function is_gathering(): bool {
		return null !== self::$gathered;
	}

	/**
	 * Changes one row, if it still is as expected. Inside gather() it is taken for changed, and gather() throws if it was not.
	 *
	 * @param string $table    A full table name; the table's primary key is `id`.
	 * @param int    $id       The row's.
	 * @param array  $set      Column => value.
	 * @param array  $expected Column => value before.
	 * @return int Rows that changed.
	 * @throws Database_Error When the database refuses.
	 */
	public static function change( string $table, int $id, array $set, array $expected = array() ): int {
		$before = self::$gathered[ $table ][ $id ] ?? null;
		if ( $before && array_diff_assoc( $expected, $before['set'] + $before['expected'] ) ) {
			self::write_gathered(); // Not what was gathered for it: the database decides.
			$before = array();
		}
		if ( null === self::$gathered || array() === $before ) {
			return self::update( $table, $set, array( 'id' => $id ) + $expected );
		}
		self::$gathered[ $table ][ $id ] = array(
			'set'      => $before ? array_merge( $before['set'], $set ) : $set,
			'expected' => $before ? $before['expected'] : $expected,
		);
		return 1;
	}

	/** Writes what was gathered: the rows of a table that get the same columns in one statement. */
	private static function write_gathered(): void {
		$gathered       = self::$gathered;
		self::$gathered = array();
		foreach ( $gathered as $table => $rows ) {
			$alike = array();
			foreach ( $rows as $id => $row ) {
				// A step to the same state may change no column at all within one second; only a real step proves that the row was as expected.
				$row['is_step'] = (bool) array_diff_assoc( array_intersect_key( $row['expected'], $row['set'] ), $row['set'] );
				$alike[ implode( ' ', array_merge( array_keys( $row['set'] ), array( (int) $row['is_step'] ), array_keys( $row['expected'] ) ) ) ][ $id ] = $row;
			}
			foreach ( $alike as $some ) {
				if ( self::update_alike( $table, $some ) < count( $some ) && current( $some )['is_step'] ) {
					throw new Database_Error( 'A row was changed by somebody else.' );
				}
			}
		}
	}

	/**
	 * One statement for rows that get the same columns.
	 *
	 * @param string  $table See change().
	 * @param array[] $rows  Id => {set, expected}.
	 * @return int Rows that changed.
	 */
	private static function update_alike( string $table, array $rows ): int {
		$pairs = array();
		foreach ( array_keys( current( $rows )['set'] ) as $column ) {
			$pairs[] = $column . ' = ' . self::by_id( $rows, 'set', $column );
		}
		$tests = array( 'id IN ' . self::in( array_keys( $rows ) ) );
		foreach ( array_keys( current( $rows )['expected'] ) as $column ) {
			$tests[] = $column . ' <=> ' . self::by_id( $rows, 'expected', $column );
		}
		// By their keys, whatever the planner thinks of a small table: no other row is locked.
		return self::run( "UPDATE $table FORCE INDEX (PRIMARY) SET " . implode( ', ', $pairs ) . ' WHERE ' . implode( ' AND ', $tests ) );
	}

	/**
	 * The values of a column as one expression.
	 *
	 * @param array[] $rows   Id => {set, expected}.
	 * @param string  $kind   Either set or expected.
	 * @param string  $column Its name.
	 */
	private static function by_id( array $rows, string $kind, string $column ): string {
		$values = array();
		foreach ( $rows as $id => $row ) {
			$values[ $id ] = self::value( $row[ $kind ][ $column ] );
		}
		if ( 1 === count( array_unique( $values ) ) ) {
			return current( $values );
		}
		$cases = '';
		foreach ( $values as $id => $value ) {
			$cases .= " WHEN $id THEN $value";
		}
		return "CASE id$cases END";
	}

	/** What a statement asks for, or changes, is written first. @param string $sql The statement. */
	private static function write_before( string $sql ): void {
		foreach ( array_keys( self::$gathered ?? array() ) as $table ) {
			if ( false !== strpos( $sql, $table ) ) {
				self::write_gathered();
				return;
			}
		}
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
		self::write_before( $sql );
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
		self::write_before( $sql );
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
