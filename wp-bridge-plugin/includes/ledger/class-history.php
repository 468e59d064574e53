<?php
/**
 * The history of each attempt: what happened, when, and why. For people; nothing is decided by it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * Events are collected and written together, so that a request with many of them asks the database once. What nobody writes is lost:
 * `write()` is the caller's care, after the commit or in the same transaction.
 */
final class History {

	/** Events not yet written. @var array[] */
	private static $waiting = array();

	/**
	 * Adds an event; `write()` stores it.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt Attempt.
	 * @param string $event   A stable word.
	 * @param array  $detail  Facts; no secret, token or e-mail address.
	 */
	public static function record( string $job_id, int $attempt, string $event, array $detail = array() ): void {
		$detail          = array_filter(
			$detail,
			static function ( $value ) {
				return null !== $value;
			}
		);
		$now             = microtime( true );
		self::$waiting[] = array(
			'job_id'  => $job_id,
			'attempt' => $attempt,
			'at'      => gmdate( 'Y-m-d H:i:s', (int) $now ) . sprintf( '.%03d', (int) ( fmod( $now, 1 ) * 1000 ) ),
			'event'   => $event,
			'detail'  => $detail ? wp_json_encode( $detail ) : null,
		);
	}

	/** Forgets events that were not written: what they tell was undone. @param int $keep How many to keep. */
	public static function forget( int $keep = 0 ): void {
		self::$waiting = array_slice( self::$waiting, 0, $keep );
	}

	/** How many events wait. */
	public static function count(): int {
		return count( self::$waiting );
	}

	/** Stores all events in their order; those that were stored before are not stored again. @throws \SmiBridge\Core\Database_Error When the database refuses. */
	public static function write(): void {
		$events        = self::$waiting;
		self::$waiting = array();
		foreach ( array_chunk( $events, 200 ) as $some ) {
			Sql::insert_all( 'events', $some );
		}
	}

	/**
	 * The history of a job, oldest first.
	 *
	 * @param string $job_id The shop's id.
	 * @param int    $limit  At most so many, the newest.
	 * @return array[] {id, job_id, attempt, at (UTC with milliseconds), event, detail: array}
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function of_job( string $job_id, int $limit = 500 ): array {
		$rows = Sql::rows( 'SELECT * FROM ' . Sql::table( 'events' ) . ' WHERE job_id = %s ORDER BY id DESC LIMIT %d', array( $job_id, $limit ) );
		foreach ( $rows as &$row ) {
			$row['detail'] = null === $row['detail'] ? array() : (array) json_decode( $row['detail'], true );
		}
		return array_reverse( $rows );
	}
}
