<?php
/**
 * A person wants another attempt: the payment action with `admin_override`, the shop's own retry button, our pages and commands.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\States;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Starts attempt n+1, unless one is under way.
 */
final class Rerun {

	/**
	 * Starts the next attempt of a job, whatever its payment status and the shop's word for it are.
	 *
	 * @param string $job_id  The shop's id.
	 * @param array  $context `force`: pay Upsampler again even if a good file exists.
	 * @return string started, unknown_job, busy (an attempt is under way and not past its deadline).
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function start( string $job_id, array $context = array() ): string {
		$job = Shop::job( $job_id );
		if ( ! $job ) {
			return self::declined( $job_id, 'unknown_job' );
		}
		$newest = Ledger::newest( $job_id );
		/**
		 * Filters whether another attempt may start now.
		 *
		 * @param bool       $may     False while an attempt is under way and not past its deadline.
		 * @param string     $job_id  The shop's id.
		 * @param array|null $newest  The newest attempt's ledger row.
		 * @param array      $context Context of the event.
		 */
		$may = apply_filters( 'smi_bridge_rerun_allowed', ! $newest || ! Ledger::is_busy( $newest ), $job_id, $newest, $context );
		if ( ! $may ) {
			return self::declined( $job_id, 'busy' );
		}
		$attempt = $newest ? (int) $newest['attempt'] + 1 : 1;
		$facts   = array(
			'is_rerun'  => (int) (bool) $newest,
			'is_forced' => (int) ! empty( $context['force'] ),
		);
		if ( ! Ledger::open( $job_id, $attempt, $facts, $newest ) ) {
			return self::declined( $job_id, 'busy' ); // Somebody else pressed the button, or refunds, in the same moment.
		}
		if ( $newest ) {
			History::record( $job_id, $attempt, 'rerun', array( 'forced' => $facts['is_forced'], 'user' => get_current_user_id() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		$change = Shop::write_progress( $job_id, States::shop_word( 'paid' ), array( 'restarted' => true ) );
		Shop::announce( $job_id, $change );
		return Send_Later::job_paid( $job_id, $attempt );
	}

	/** Message `job.rerun`: an operator orders it at the sidecar's command line. @param array $data See schema. */
	public static function message( array $data ): Outcome {
		if ( ! Compat::may_forward() ) {
			return Outcome::failed( 'not_connected' );
		}
		$context = array(
			'admin_override' => true,
			'force'          => $data['force'],
		);
		$code    = self::start( $data['job_id'], $context );
		if ( 'started' !== $code ) {
			return Outcome::refused( 'busy' === $code ? 'working' : $code );
		}
		return Outcome::done( array( 'attempt' => (int) Ledger::newest( $data['job_id'] )['attempt'] ) );
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
