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

	/** Whether the database has undone all of it by itself, as it does after a deadlock: what comes now would be written without one. @var bool */
	private $is_lost = false;

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
	 * @throws \Throwable What `$work` threw, undone.
	 */
	public function step( callable $work ) {
		Sql::run( 'SAVEPOINT smi_bridge_step' );
		try {
			return $work();
		} catch ( \Throwable $error ) {
			try {
				Sql::run( 'ROLLBACK TO SAVEPOINT smi_bridge_step' );
			} catch ( Database_Error $none ) {
				$this->is_lost = true;
			}
			throw $error;
		}
	}

	/** See $is_lost. */
	public function is_lost(): bool {
		return $this->is_lost;
	}

	/** Begins anew, after a loss. @throws Database_Error When the database refuses. */
	public function restart(): void {
		Sql::run( 'START TRANSACTION' );
		$this->is_lost = false;
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
