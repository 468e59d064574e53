<?php
/**
 * Messages to the sidecar that leave when the visitor’s request is over.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Circuit_Breaker;
use SmiBridge\Wire\Http_Client;
use SmiBridge\Wire\Sidecar_Client;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * A message is a hint that makes things fast. If it is lost, the sidecar’s pull brings the job within a minute: nothing is repeated from
 * here, and nobody waits for an answer.
 */
final class Send_Later {

	/** Messages that leave when the request is over: {type, data or null, job_id, attempt, row or null}. @var array[] */
	private static $waiting = array();

	/**
	 * An attempt was opened: its message leaves with the others when the request is over.
	 *
	 * @param string     $job_id  The shop's id.
	 * @param int        $attempt Attempt.
	 * @param array|null $row     What its ledger row begins with, from Ledger::open(); null: it is read then.
	 */
	public static function job_paid( string $job_id, int $attempt, ?array $row = null ): string {
		self::later( 'job.paid', $job_id, $attempt, null, $row );
		return 'started';
	}

	/**
	 * A job was stopped or refunded: the sidecar stops and ends the link.
	 *
	 * @param array  $row    Newest ledger row.
	 * @param string $reason As in the schema of `job.cancel`.
	 */
	public static function job_cancel( array $row, string $reason ): void {
		$data = array(
			'job_id'  => $row['job_id'],
			'attempt' => (int) $row['attempt'],
			'reason'  => $reason,
		);
		self::later( 'job.cancel', $row['job_id'], (int) $row['attempt'], $data );
	}

	/**
	 * Sends a message when the request is over. Lost if the sidecar is away: only for what its pull finds out as well.
	 *
	 * @param string     $type    See contract.
	 * @param string     $job_id  The shop's id.
	 * @param int        $attempt Attempt.
	 * @param array|null $data    Data; null for `job.paid`, which is read from shop and ledger then.
	 * @param array|null $row     See job_paid().
	 */
	public static function later( string $type, string $job_id, int $attempt, ?array $data = null, ?array $row = null ): void {
		if ( ! self::$waiting ) {
			Request::at_end( array( self::class, 'send_waiting' ), 1000 ); // Once for all: what comes meanwhile goes along.
		}
		self::$waiting[] = compact( 'type', 'job_id', 'attempt', 'data', 'row' );
	}

	/** How many wait. */
	public static function count(): int {
		return count( self::$waiting );
	}

	/** Forgets messages about what was undone. @param int $keep How many to keep. */
	public static function forget( int $keep = 0 ): void {
		self::$waiting = array_slice( self::$waiting, 0, $keep );
	}

	/** The request is over: lets the visitor go, then sends what waits, over one connection. */
	public static function send_waiting(): void {
		$waiting       = self::$waiting;
		self::$waiting = array();
		if ( ! $waiting || ! Settings::is_connected() ) {
			return;
		}
		$client = self::http_client();
		$sidecar = new Sidecar_Client( $client );
		try {
			foreach ( $waiting as $place => $message ) {
				if ( array_key_last( $waiting ) === $place ) {
					$client->close_after_next();
				}
				if ( ! Circuit_Breaker::allows() || ! self::send( $sidecar, $message ) ) {
					break; // The pull brings this one and the rest.
				}
			}
			History::write();
			self::ask_how_it_is( $sidecar );
		} catch ( \Throwable $error ) {
			Log::write( 'forward_failed', $error->getMessage() );
		}
	}

	/**
	 * Asks for the status once an hour: the sidecar's public address may have changed.
	 *
	 * @param Sidecar_Client $sidecar Client.
	 */
	private static function ask_how_it_is( Sidecar_Client $sidecar ): void {
		if ( ! Settings::is_pulled() && (int) get_option( 'smi_bridge_status_at' ) < time() - HOUR_IN_SECONDS && Circuit_Breaker::allows() ) {
			update_option( 'smi_bridge_status_at', time() );
			$status = $sidecar->send( 'status', array() );
			if ( ! is_wp_error( $status ) ) { // Of a fault it says little: its time limits are those of a visitor.
				Sidecar_Report::keep( $status );
			}
		}
	}

	/**
	 * A client whose time limits fit: nobody waits behind a finished request or at a command line, but a visitor may who is still
	 * there (mod_php, plain CGI).
	 */
	private static function http_client(): Http_Client {
		$finished = Request::finish();
		$limits   = $finished ? array( 1000, 3000 ) : array( 50, 150 );
		/**
		 * Filters the time limits towards the sidecar when a payment is forwarded.
		 *
		 * @param int[] $limits   Milliseconds to connect, milliseconds in all.
		 * @param bool  $finished Whether the visitor's request has ended already.
		 */
		$limits = (array) apply_filters( 'smi_bridge_forward_patience', $limits, $finished );
		return new Http_Client( (int) $limits[0], (int) $limits[1] );
	}

	/**
	 * Sends one message.
	 *
	 * @param Sidecar_Client $sidecar Client.
	 * @param array   $message As in $waiting.
	 * @return bool Whether the sidecar is there, so that the next one is worth trying.
	 */
	private static function send( Sidecar_Client $sidecar, array $message ): bool {
		$job_id  = $message['job_id'];
		$attempt = $message['attempt'];
		$row     = $message['row'] ?? Ledger::newest( $job_id );
		if ( ! $row || (int) $row['attempt'] !== $attempt ) {
			return true; // It is overtaken.
		}
		$data   = $message['data'] ?? Job_Record::paid_data( $row, Shop::job( $job_id ) );
		$answer = $sidecar->send( $message['type'], $data );
		if ( is_array( $answer ) && isset( $answer['queued'] ) ) {
			return true; // Mailbox_Messages hears what became of it.
		}
		$code = is_wp_error( $answer ) ? (string) $answer->get_error_code() : null;
		Ledger::record_message( $row, $attempt, $message['type'], $code, is_array( $answer ) && ! empty( $answer['asks'] ) );
		if ( null === $code ) {
			Circuit_Breaker::success();
			return true;
		}
		Log::write( 'forward_failed', $answer->get_error_message(), compact( 'job_id', 'attempt' ) + array( 'message' => $message['type'], 'reason' => $code ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		if ( in_array( $code, array( 'refused', 'dns', 'timeout', 'tls', 'network', 'busy' ), true ) ) {
			Circuit_Breaker::failure( $code );
			return false;
		}
		return true;
	}
}
