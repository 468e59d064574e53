<?php
/**
 * Messages that nobody comes for any more: those that are too old, and those of a sidecar that has an address now.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Jobs\Renewal;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Wire\Http_Client;
use SmiBridge\Wire\Mailbox;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * None of them vanishes without a word: each ends as if the sidecar had answered it (Mailbox_Messages).
 */
final class Left_Messages {

	/** Messages of one go. */
	const MOST = 20;
	const OLD  = 500;

	/** Daily, and when a visit of the sidecar makes up for it: what has waited for too long ends as not collected. */
	public static function end_old(): void {
		foreach ( Mailbox::before( time() - Time_Limits::MAILBOX, self::OLD ) as $message ) {
			if ( ! self::end( $message['message_id'], 0, array( 'error' => 'not_collected' ) ) ) {
				return; // The database refuses; tomorrow again.
			}
		}
	}

	/** A visit of a sidecar that has an address: what waits from the time when it had none is sent when the visit is over. */
	public static function send_later(): void {
		if ( ! Settings::is_pulled() && Mailbox::before( PHP_INT_MAX, 1 ) ) {
			Request::at_end( array( self::class, 'send' ), 1015 );
		}
	}

	/** Sends it. What can't be done now waits for the next visit, in a minute; a message that was sent twice is done twice. */
	public static function send(): void {
		Request::finish(); // The sidecar has its answer.
		$sidecar = new Sidecar_Client( new Http_Client( 1000, 3000 ) );
		$mailed  = false;
		foreach ( Settings::is_connected() && ! Settings::is_pulled() ? Mailbox::before( PHP_INT_MAX, self::MOST ) : array() as $message ) {
			$answer = $sidecar->exchange( $message['type'], (array) json_decode( $message['data'] ) );
			$said   = json_decode( $answer['body'], true );
			if ( ! is_array( $said ) || 401 === $answer['status'] ) { // Nobody is there, or another program: a web page with status 200 has erased nothing.
				break;
			}
			if ( $answer['status'] < 500 && 429 !== $answer['status'] && ! self::end( $message['message_id'], $answer['status'], $said ) ) {
				break;
			}
			$mailed = $mailed || 'job.renew' === $message['type'];
		}
		if ( $mailed ) {
			Renewal::send_owed();
		}
	}

	/**
	 * Takes a message out, and does what follows from its end.
	 *
	 * @param string $message_id Of the mailbox.
	 * @param int    $status     As in mailbox.collect; 0: nobody has answered.
	 * @param array  $answer     As in mailbox.collect.
	 * @return bool Whether the database took it.
	 */
	private static function end( string $message_id, int $status, array $answer ): bool {
		try {
			Ledger::in_transaction(
				static function () use ( $message_id, $status, $answer ) {
					$message = Mailbox::take_out( $message_id );
					if ( $message ) {
						Mailbox_Messages::ended( $message, $status, $answer );
					}
					History::write();
				}
			);
			return true;
		} catch ( Database_Error $error ) {
			Log::write( 'left_message_not_ended', $error->getMessage() );
			return false;
		}
	}
}
