<?php
/**
 * The dashboard: is all well, what is going on, how did it go.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\States;
use SmiBridge\Health\Problems;
use SmiBridge\Jobs\Jobs_Query;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * The page's frame, and the figures that its script fetches and refreshes. It counts nothing itself (Stats, Jobs_Query), and has no button
 * that changes a job.
 */
final class Dashboard {

	/** Shows the page. */
	public static function render(): void {
		Admin_Access::check_page();
		$problems = Problems::all();
		include SMI_BRIDGE_DIR . 'templates/admin/dashboard.php';
	}

	/** AJAX: the figures of the period that is asked for. */
	public static function answer(): void {
		Admin_Access::check_ajax();
		$period = isset( $_POST['period'] ) ? sanitize_key( $_POST['period'] ) : '24h'; // phpcs:ignore WordPress.Security.NonceVerification -- checked above.
		try {
			wp_send_json_success( self::figures( $period ) );
		} catch ( Database_Error $fault ) {
			Log::write( 'figures_unreadable', $fault->getMessage() );
			wp_send_json_error( array( 'message' => __( 'The database refused; its log says why.', 'smi-bridge' ) ), 500 );
		}
	}

	/**
	 * Figures for the script, with words where words are wanted.
	 *
	 * @param string $period See Stats::PERIODS.
	 * @return array {stats: see Stats::of(), words: the same as plain text, sidecar, working: number of jobs}; nothing is escaped.
	 * @throws Database_Error When the database refuses.
	 */
	public static function figures( string $period ): array {
		$stats  = Stats::of( $period );
		$set    = Settings::is_configured(); // What an earlier sidecar has said counts no longer.
		$health = Sidecar_Report::inspect( 5 );
		$status = $health['status'] ?? array();
		$held   = array();
		foreach ( (array) ( $status['held'] ?? array() ) as $stage => $hold ) {
			$why            = empty( $hold['reason'] ) ? (string) ( $hold['detail'] ?? '' ) : Job_Labels::reason( $hold['reason'] );
			$held[ $stage ] = implode( ', ', array_filter( array( $why, Format::distance( $hold['since'] ?? '' ) ) ) );
		}
		return array(
			'stats'   => $stats,
			'words'   => array(
				'paid'     => number_format_i18n( $stats['paid'] ),
				'rate'     => self::rate( $stats['delivered'], $period ),
				/* translators: %s: a share of a hundred */
				'success'  => null === $stats['success'] ? '–' : sprintf( __( '%s%%', 'smi-bridge' ), number_format_i18n( 100 * $stats['success'], $stats['success'] < 1 ? 1 : 0 ) ),
				'p50'      => null === $stats['p50'] ? '–' : Format::span( $stats['p50'] ),
				'p95'      => null === $stats['p95'] ? '–' : Format::span( $stats['p95'] ),
				'credits'  => number_format_i18n( $stats['credits'], 1 ),
				'money'    => Format::amount( $stats['money'] ),
				'refunded' => number_format_i18n( $stats['refunded'] ),
			),
			'sidecar' => array(
				'ok'        => $set && $health['ok'] && $health['at'],
				'message'   => $set ? $health['message'] : __( 'SMI Bridge is not connected yet.', 'smi-bridge' ),
				'workers'   => (int) ( $status['workers'] ?? 0 ),
				'scheduler' => ! empty( $status['scheduler'] ),
				'queues'    => (object) array_map( 'intval', (array) ( $status['queues'] ?? array() ) ),
				'held'      => (object) $held,
				'late'      => (object) self::late( $status ),
			),
			'working' => Jobs_Query::count( 'working' ),
		);
	}

	/**
	 * The ages of each stage that are worth a word: of its oldest work that may go, and of its oldest job in each state.
	 *
	 * @param array $status The sidecar's status.
	 * @return array Stage => words.
	 */
	private static function late( array $status ): array {
		$words = array();
		foreach ( (array) ( $status['ready_seconds'] ?? array() ) as $stage => $seconds ) {
			if ( (int) $seconds >= MINUTE_IN_SECONDS ) {
				/* translators: %s: time span, such as "5 minutes" */
				$words[ $stage ][] = sprintf( __( 'waits for %s', 'smi-bridge' ), Format::span( (int) $seconds ) );
			}
		}
		foreach ( (array) ( $status['job_seconds'] ?? array() ) as $state => $seconds ) {
			$stage = States::all()[ $state ]['stage'] ?? '';
			if ( $stage && (int) $seconds >= MINUTE_IN_SECONDS ) {
				/* translators: 1: state of a job, such as "Being enlarged", 2: time span, such as "5 minutes" */
				$words[ $stage ][] = sprintf( __( '%1$s: the oldest for %2$s', 'smi-bridge' ), Job_Labels::state( $state )[0], Format::span( (int) $seconds ) );
			}
		}
		return array_map(
			static function ( array $lines ): string {
				return implode( '; ', $lines );
			},
			$words
		);
	}

	/**
	 * How many were delivered in an hour of the last day, or in a day of a longer period.
	 *
	 * @param int    $delivered Number in the period.
	 * @param string $period    See Stats::PERIODS.
	 */
	private static function rate( int $delivered, string $period ): string {
		$length = ( Stats::PERIODS[ $period ] ?? Stats::PERIODS['24h'] )[0];
		$each   = $length > DAY_IN_SECONDS ? $delivered * DAY_IN_SECONDS / $length : $delivered * HOUR_IN_SECONDS / $length;
		$number = number_format_i18n( $each, $each < 10 ? 1 : 0 );
		/* translators: %s: number of deliveries */
		return sprintf( $length > DAY_IN_SECONDS ? __( '%s a day', 'smi-bridge' ) : __( '%s an hour', 'smi-bridge' ), $number );
	}
}
