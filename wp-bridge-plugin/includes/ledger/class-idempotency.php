<?php
/**
 * Answers of the last 24 hours, so that a repeated delivery gets the same one.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Sql;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * One row for each `webhook-id`. A row without an answer is a delivery that is under way, was cut off, or asked questions only:
 * the first two are handled again, which every handler stands.
 */
final class Idempotency {

	const AT_ONCE = 5000; // Rows a statement: a longer one would hold their locks for long.
	const ROUNDS  = 40; // More than a day of a sidecar brings that comes every two seconds.

	/**
	 * Notes that a delivery has come.
	 *
	 * @param string $id   `webhook-id`.
	 * @param string $hash SHA-256 of the body, hex.
	 * @return array|null The row that was there before, or null: this is the first time.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function begin( string $id, string $hash ): ?array {
		$row = array(
			'message_id'  => $id,
			'body_sha256' => $hash,
			'created_at'  => Sql::utc( time() ),
		);
		if ( Sql::insert_ignore( 'answers', $row ) ) {
			return null;
		}
		return Sql::row( 'SELECT body_sha256, answer FROM ' . Sql::table( 'answers' ) . ' WHERE message_id = %s', array( $id ) );
	}

	/**
	 * Keeps the answer of a delivery.
	 *
	 * @param string $id     `webhook-id`.
	 * @param string $answer JSON.
	 */
	public static function finish( string $id, string $answer ): void {
		Sql::update( Sql::table( 'answers' ), array( 'answer' => $answer ), array( 'message_id' => $id ) );
	}

	/** Drops what nobody can ask for any more. */
	public static function forget_old(): void {
		$delete = 'DELETE FROM ' . Sql::table( 'answers' ) . ' WHERE created_at < ' . Sql::value( Sql::utc( time() - Time_Limits::ANSWER ) ) . ' LIMIT ' . self::AT_ONCE;
		for ( $round = 1, $gone = self::AT_ONCE; $round <= self::ROUNDS && self::AT_ONCE === $gone; $round++ ) {
			$gone = Sql::run( $delete );
		}
	}
}
