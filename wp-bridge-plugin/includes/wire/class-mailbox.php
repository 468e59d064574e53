<?php
/**
 * Messages to a sidecar that nobody can reach: kept here until it comes for them and says what became of them (docs/contract.md, part 7).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Site;
use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * At least once: a message stays until its acknowledgement. One that says the same anew takes the place of the older one, under
 * another id, so that the older one's acknowledgement does not end it.
 */
final class Mailbox {

	/** Messages that are handed over in one go, and bytes of them. */
	const MOST  = 50;
	const BYTES = 4194304;

	/**
	 * Puts a message in.
	 *
	 * @param string $type See contract.
	 * @param array  $data The message's data.
	 * @param array  $note What the acknowledgement needs to know, for us only.
	 * @param string $job_id The job that it is about, where the data do not name it.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function put( string $type, array $data, array $note = array(), string $job_id = '' ): void {
		Sql::replace(
			'mailbox',
			array(
				'message_id' => Signature::new_id(),
				'slot'       => self::slot( $type, $data ),
				'type'       => $type,
				'job_id'     => (string) ( $data['job_id'] ?? $job_id ),
				'data'       => wp_json_encode( $data ? $data : new \stdClass(), JSON_UNESCAPED_SLASHES ),
				'note'       => $note ? wp_json_encode( $note ) : null,
				'created_at' => Sql::utc( time() ),
			)
		);
	}

	/** What a message is about. @param string $type See contract. @param array $data The message's data. */
	private static function slot( string $type, array $data ): string {
		return hash( 'sha256', implode( "\n", array( $type, $data['job_id'] ?? $data['token'] ?? $data['stage'] ?? '', $data['attempt'] ?? '' ) ) );
	}

	/**
	 * The note of a message that waits, or nothing: what one that takes its place must not forget.
	 *
	 * @param string $type See put().
	 * @param array  $data See put().
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function note( string $type, array $data ): array {
		$row = Sql::row( 'SELECT note FROM ' . Sql::table( 'mailbox' ) . ' WHERE slot = %s', array( self::slot( $type, $data ) ) );
		return (array) json_decode( (string) ( $row['note'] ?? '' ), true );
	}

	/**
	 * The next messages, signed for the sidecar as if they were sent to it now: one that was handed over before is a new message to it.
	 *
	 * @return array[] List of {id (ours), type, headers, body}.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function sealed(): array {
		$messages = array();
		$bytes    = 0;
		$now      = time();
		foreach ( Sql::rows( 'SELECT message_id, type, data FROM ' . Sql::table( 'mailbox' ) . ' ORDER BY id LIMIT %d', array( self::MOST ) ) as $row ) {
			$bytes += strlen( $row['data'] );
			if ( $messages && $bytes > self::BYTES ) {
				break;
			}
			$body       = self::envelope( $row['type'], json_decode( $row['data'] ), $now );
			$messages[] = array(
				'id'      => $row['message_id'],
				'type'    => $row['type'],
				'headers' => Signature::headers( Settings::keys( Signature::TO_SIDECAR )[0], $now, $body ),
				'body'    => $body,
			);
		}
		return $messages;
	}

	/**
	 * A message's body.
	 *
	 * @param string       $type     See contract.
	 * @param object|array $data     Its data.
	 * @param int          $now      Unix seconds.
	 * @param string|null  $audience Other than this site's sidecar.
	 */
	public static function envelope( string $type, $data, int $now, ?string $audience = null ): string {
		return wp_json_encode(
			array(
				'type'      => $type,
				'timestamp' => gmdate( 'Y-m-d\TH:i:s\Z', $now ),
				'audience'  => $audience ?? 'sidecar:' . Site::identity(),
				'data'      => $data ? $data : new \stdClass(),
			),
			JSON_UNESCAPED_SLASHES
		);
	}

	/**
	 * Takes a message out that the sidecar has answered; null when it is no longer there.
	 *
	 * @param string $message_id Its id.
	 * @return array|null {type, job_id, data: array, note: array}.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function take_out( string $message_id ): ?array {
		$row = Sql::row( 'SELECT * FROM ' . Sql::table( 'mailbox' ) . ' WHERE message_id = %s FOR UPDATE', array( $message_id ) );
		if ( ! $row ) {
			return null;
		}
		Sql::run( 'DELETE FROM ' . Sql::table( 'mailbox' ) . ' WHERE id = ' . (int) $row['id'] );
		return array(
			'type'   => $row['type'],
			'job_id' => $row['job_id'],
			'data'   => (array) json_decode( $row['data'], true ),
			'note'   => (array) json_decode( (string) $row['note'], true ),
		);
	}

	/**
	 * Messages that were put in before a time, oldest first.
	 *
	 * @param int $before Unix seconds; PHP_INT_MAX: all.
	 * @param int $most   At most so many.
	 * @return array[] {message_id, type, data: JSON}
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function before( int $before, int $most ): array {
		$until = PHP_INT_MAX === $before ? '9999-12-31 00:00:00' : Sql::utc( $before );
		return Sql::rows( 'SELECT message_id, type, data FROM ' . Sql::table( 'mailbox' ) . ' WHERE created_at < %s ORDER BY id LIMIT %d', array( $until, $most ) );
	}

	/** Drops the messages about a job that is to be forgotten. @param string $job_id The shop's id. */
	public static function forget( string $job_id ): void {
		Sql::run( 'DELETE FROM ' . Sql::table( 'mailbox' ) . ' WHERE job_id = ' . Sql::value( $job_id ) );
	}
}
