<?php
/**
 * One database transaction around the messages of a delivery: one wait for the disk instead of one for each statement.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Only for requests that are ours from beginning to end (the door): starting a transaction commits a caller's own.
 */
final class Transaction {

	/** Number of the database connection in which the transaction began; 0 when it can't be known. @var int */
	private $connection;

	/** Begins. */
	public function __construct() {
		Sql::run( 'START TRANSACTION' );
		$this->connection = self::connection();
	}

	/**
	 * Runs `$work` so that a failure undoes it alone, not what was done before.
	 *
	 * @param callable $work Gets nothing; its result is returned.
	 * @return mixed
	 * @throws Database_Error What `$work` threw, undone.
	 */
	public function step( callable $work ) {
		Sql::run( 'SAVEPOINT smi_bridge_step' );
		try {
			return $work();
		} catch ( Database_Error $error ) {
			Sql::run( 'ROLLBACK TO SAVEPOINT smi_bridge_step' ); // Fails after a deadlock, which undid everything: then so do we.
			throw $error;
		}
	}

	/**
	 * Commits.
	 *
	 * @throws Database_Error When the connection was lost on the way: $wpdb reconnects without a word, and what came before is gone.
	 */
	public function commit(): void {
		if ( self::connection() !== $this->connection ) {
			throw new Database_Error( 'the database connection was lost inside a transaction' );
		}
		Sql::run( 'COMMIT' );
	}

	/** Undoes everything; says nothing when there is nothing left to undo. */
	public function rollback(): void {
		$GLOBALS['wpdb']->query( 'ROLLBACK' ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery
	}

	/** The server's number of this connection. */
	private static function connection(): int {
		$handle = $GLOBALS['wpdb']->dbh;
		return $handle instanceof \mysqli ? (int) $handle->thread_id : 0;
	}
}
