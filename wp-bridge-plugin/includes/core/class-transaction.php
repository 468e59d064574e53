<?php
/**
 * One database transaction around the messages of a delivery: one wait for the disk instead of one for each statement.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Only for requests that are ours from beginning to end (the door): starting a transaction commits a caller's own.
 *
 * While it is open, $wpdb must not reconnect: it would do so without a word, and what was written before would be gone while what
 * comes after would stand. So a lost connection ends the request (WordPress' own database page, HTTP 500); the sender comes again.
 */
final class Transaction {

	/** What $wpdb did about a lost connection before; null: it can't be told. @var int|null */
	private $retries = null;

	/** Begins. */
	public function __construct() {
		Sql::run( 'START TRANSACTION' );
		$db = $GLOBALS['wpdb'];
		if ( property_exists( $db, 'reconnect_retries' ) ) {
			$this->retries         = $db->reconnect_retries;
			$db->reconnect_retries = 0;
		}
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
	 * @throws Database_Error When the database refuses.
	 */
	public function commit(): void {
		Sql::run( 'COMMIT' );
		$this->let_reconnect();
	}

	/** Undoes everything; says nothing when there is nothing left to undo. */
	public function rollback(): void {
		$this->let_reconnect();
		$GLOBALS['wpdb']->query( 'ROLLBACK' ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery
	}

	/** The transaction is over: $wpdb may reconnect again. */
	private function let_reconnect(): void {
		if ( null !== $this->retries ) {
			$GLOBALS['wpdb']->reconnect_retries = $this->retries;
			$this->retries                      = null;
		}
	}
}
