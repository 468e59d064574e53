<?php
/**
 * The payment event: a ledger row inside the payment request, the message to the sidecar after it.
 *
 * The action itself costs two statements and no network call. The message is a hint that makes things fast; if it is lost,
 * the sidecar's pull brings the job within a minute.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Circuit_Breaker;
use SmiBridge\Wire\Http_Client;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * Visitor: `smi_payment_completed`.
 */
final class Payment {

	/** Messages that leave when the request is over: {type, data or null, job_id, attempt}. @var array[] */
	private static $waiting = array();

	/**
	 * A job was paid, or an admin wants another attempt (`admin_override` in the context, `force` to pay Upsampler again).
	 * Repeats change nothing. Never throws: the payment must not fail because of us.
	 *
	 * @param mixed $job_id  The shop's id.
	 * @param mixed $context Optional context.
	 */
	public static function payment_completed( $job_id, $context = array() ): void {
		if ( ! Compat::may_forward() || ! is_scalar( $job_id ) || ! preg_match( '/^[A-Za-z0-9_-]{1,64}\z/', (string) $job_id ) ) {
			if ( Settings::is_configured() ) {
				Log::write( 'payment_not_taken', 'The payment is not forwarded.', array( 'job_id' => is_scalar( $job_id ) ? (string) $job_id : gettype( $job_id ), 'handler' => Compat::handler_status() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			}
			return;
		}
		$began = hrtime( true );
		try {
			$what = self::take( (string) $job_id, is_array( $context ) ? $context : array() );
		} catch ( \Throwable $error ) {
			$what = 'not_stored';
			Log::write( 'payment_not_stored', $error->getMessage() . ' The sidecar will ask for the job.', array( 'job_id' => $job_id ) );
		}
		/**
		 * Fires after each payment event: for benches and monitoring.
		 *
		 * @param string $job_id The shop's id.
		 * @param string $what   What came of it: started, repeated, unknown_job, unpaid, busy, not_stored.
		 * @param float  $ms     Milliseconds that it cost the request.
		 */
		do_action( 'smi_bridge_payment_taken', (string) $job_id, $what, ( hrtime( true ) - $began ) / 1e6 );
	}

	/**
	 * Opens an attempt if there is a reason to.
	 *
	 * @param string $job_id  The shop's id.
	 * @param array  $context Context.
	 * @return string What happened: started, repeated, unknown_job, unpaid, busy.
	 * @throws Database_Error When the database refuses.
	 */
	public static function take( string $job_id, array $context ): string {
		Shop::forget( $job_id ); // Whoever read it earlier in this request read it before the payment.
		if ( ! empty( $context['admin_override'] ) ) {
			return Rerun::start( $job_id, $context );
		}
		$job = Shop::job( $job_id );
		if ( ! $job || ! $job['paid'] ) {
			return self::declined( $job_id, $job ? 'unpaid' : 'unknown_job' );
		}
		return Ledger::open( $job_id, 1 ) ? self::started( $job_id, 1 ) : self::declined( $job_id, 'repeated' );
	}

	/**
	 * An attempt was opened: its message leaves with the others when the request is over.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt Attempt.
	 */
	public static function started( string $job_id, int $attempt ): string {
		self::later( 'job.paid', $job_id, $attempt );
		return 'started';
	}

	/**
	 * Sends a message when the request is over. Lost if the sidecar is away: only for what its pull finds out as well.
	 *
	 * @param string     $type    See contract.
	 * @param string     $job_id  The shop's id.
	 * @param int        $attempt Attempt.
	 * @param array|null $data    Data; null for `job.paid`, which is read from shop and ledger then.
	 */
	public static function later( string $type, string $job_id, int $attempt, ?array $data = null ): void {
		self::$waiting[] = compact( 'type', 'job_id', 'attempt', 'data' );
	}

	/** The request is over: lets the visitor go, then sends what waits, over one connection. */
	public static function send_waiting(): void {
		$waiting       = self::$waiting;
		self::$waiting = array();
		if ( ! $waiting || ! Settings::is_connected() ) {
			return;
		}
		$courier = self::let_visitor_go();
		$sidecar = new Sidecar_Client( $courier );
		try {
			foreach ( $waiting as $place => $message ) {
				if ( array_key_last( $waiting ) === $place ) {
					$courier->hang_up_after_next();
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
	 * @param Sidecar $sidecar Client.
	 */
	private static function ask_how_it_is( Sidecar_Client $sidecar ): void {
		if ( (int) get_option( 'smi_bridge_status_at' ) < time() - HOUR_IN_SECONDS && Circuit_Breaker::allows() ) {
			update_option( 'smi_bridge_status_at', time() );
			$sidecar->status();
		}
	}

	/**
	 * Ends the visitor's request where PHP can, and returns a courier whose patience fits: nobody waits for a second
	 * behind a finished request or at a command line, but a visitor may who is still there (mod_php, plain CGI).
	 */
	private static function let_visitor_go(): Http_Client {
		$gone = 'cli' === PHP_SAPI;
		foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $finish ) {
			if ( ! $gone && function_exists( $finish ) ) {
				$gone = (bool) $finish();
			}
		}
		$patience = $gone ? array( 1000, 3000 ) : array( 50, 150 );
		/**
		 * Filters the patience with the sidecar when a payment is forwarded.
		 *
		 * @param int[] $patience Milliseconds to connect, milliseconds in all.
		 * @param bool  $gone     Whether the visitor's request has ended already.
		 */
		$patience = (array) apply_filters( 'smi_bridge_forward_patience', $patience, $gone );
		return new Http_Client( (int) $patience[0], (int) $patience[1] );
	}

	/**
	 * Sends one message.
	 *
	 * @param Sidecar $sidecar Client.
	 * @param array   $message As in $waiting.
	 * @return bool Whether the sidecar is there, so that the next one is worth trying.
	 */
	private static function send( Sidecar_Client $sidecar, array $message ): bool {
		$job_id  = $message['job_id'];
		$attempt = $message['attempt'];
		$row     = Ledger::newest( $job_id );
		if ( ! $row || (int) $row['attempt'] !== $attempt ) {
			return true; // What was to be told was undone, or is overtaken.
		}
		$data    = $message['data'] ?? Job_Record::paid_data( $row, Shop::job( $job_id ) );
		$answer  = $sidecar->send( $message['type'], $data );
		$about   = array(
			'job_id'  => $job_id,
			'attempt' => $attempt,
			'message' => $message['type'],
		);
		if ( ! is_wp_error( $answer ) ) {
			Circuit_Breaker::answered();
			if ( 'job.paid' === $message['type'] ) {
				Ledger::note( (int) $row['id'], array( 'forwarded_at' => Sql::utc( time() ) ) );
			}
			History::tell( $job_id, $attempt, 'forwarded', array( 'message' => $message['type'] ) );
			return true;
		}
		$code = $answer->get_error_code();
		Log::write( 'forward_failed', $answer->get_error_message(), $about + array( 'reason' => $code ) );
		History::tell( $job_id, $attempt, 'forward_failed', array( 'message' => $message['type'], 'reason' => $code ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		if ( in_array( $code, array( 'refused', 'dns', 'timeout', 'tls', 'network', 'busy' ), true ) ) {
			Circuit_Breaker::failed( $code );
			return false;
		}
		return true;
	}

	/**
	 * Nothing was started: says why.
	 *
	 * @param string $job_id The shop's id.
	 * @param string $why    A stable word.
	 */
	public static function declined( string $job_id, string $why ): string {
		Log::write( 'payment_' . $why, 'The payment event changes nothing.', array( 'job_id' => $job_id ) );
		return $why;
	}
}
