<?php
/**
 * The payment event: a ledger row inside the payment request, the message to the sidecar after it.
 *
 * The action itself costs two statements and no network call, the message behind the answer none where the sidecar asks for the go at once. The message is a hint that makes things fast; if it is lost,
 * the sidecar's pull brings the job within a minute.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Hook `smi_payment_completed`. It never throws, makes no network call itself (Send_Later does, when the request is over), and takes a
 * payment once, however often the event comes.
 */
final class Payment {

	/** Jobs whose event has begun in this request, and was not taken yet: id => context. @var array */
	private static $begun = array();

	/**
	 * The event begins: should a listener before ours throw or end the request, the payment is taken when the request ends. It is not
	 * taken here, since the shop's own handler may join the event up to the moment at which we do (Compat).
	 *
	 * @param mixed $job_id  The shop's id.
	 * @param mixed $context Optional context.
	 */
	public static function event_begins( $job_id, $context = array() ): void {
		if ( ! self::$begun ) {
			Request::at_end( array( self::class, 'take_rest' ), 900 ); // Before the messages leave.
		}
		if ( is_scalar( $job_id ) ) {
			self::$begun[ (string) $job_id ] = $context;
		}
	}

	/** Takes the payments whose event did not reach us. */
	public static function take_rest(): void {
		foreach ( self::$begun as $job_id => $context ) {
			Log::write( 'payment_event_cut_off', 'Another listener has ended the payment event; it is taken now.', array( 'job_id' => $job_id ) );
			self::payment_completed( (string) $job_id, $context );
		}
	}

	/**
	 * A job was paid, or an admin wants another attempt (`admin_override` in the context, `force` to pay Upsampler again).
	 * Repeats change nothing. Never throws: the payment must not fail because of us.
	 *
	 * @param mixed $job_id  The shop's id.
	 * @param mixed $context Optional context.
	 */
	public static function payment_completed( $job_id, $context = array() ): void {
		if ( is_scalar( $job_id ) ) {
			unset( self::$begun[ (string) $job_id ] );
		}
		if ( ! Compat::may_forward() || ! Job_Id::matches( $job_id ) ) {
			if ( Settings::is_configured() ) {
				Log::write( 'payment_not_taken', 'The payment is not forwarded.', array( 'job_id' => is_scalar( $job_id ) ? (string) $job_id : gettype( $job_id ), 'handler' => Compat::handler_status() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			}
			return;
		}
		$began = hrtime( true );
		Shop::learn_who_answers();
		try {
			$what = self::open_attempt( (string) $job_id, is_array( $context ) ? $context : array() );
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
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function open_attempt( string $job_id, array $context ): string {
		Shop::forget( $job_id ); // Other code may have read it earlier in this request, before the payment.
		if ( ! empty( $context['admin_override'] ) ) {
			return Rerun::start( $job_id, $context );
		}
		$job = Shop::job( $job_id );
		if ( ! $job || ! $job['paid'] ) {
			return Rerun::declined( $job_id, $job ? 'unpaid' : 'unknown_job' );
		}
		$row = Ledger::open( $job_id, 1 );
		return $row ? Send_Later::job_paid( $job_id, 1, $row ) : Rerun::declined( $job_id, 'repeated' );
	}
}
