<?php
/**
 * Commands that do something with jobs: retry, cancel, refund, resend, renew. What may be done is decided by Actions alone.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Cli;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Jobs\Actions;
use SmiBridge\Jobs\Allowed_Actions;
use SmiBridge\Jobs\Send_Later;
use SmiBridge\Ledger\Ledger;

defined( 'ABSPATH' ) || exit;

/**
 * 1. which jobs; 2. dry run, or ask; 3. job by job, with a progress bar; 4. what came of it. Exit status 1 if one was not done.
 */
final class Cli_Actions {

	/** Jobs after which the sidecar is told, so that an interrupted command has told of most. */
	const AT_ONCE = 50;

	/**
	 * Does an action.
	 *
	 * @param string   $action     The command: as in Allowed_Actions.
	 * @param string[] $positional Jobs.
	 * @param array    $named      Options.
	 */
	public static function run( string $action, array $positional, array $named ): void {
		$options = array(
			'force'   => ! empty( $named['force'] ),
			'confirm' => ! empty( $named['downloaded'] ),
			'message' => sanitize_textarea_field( (string) ( $named['message'] ?? '' ) ),
		);
		$action  = empty( $named['mark-only'] ) ? $action : 'mark_refunded';
		$job_ids = self::jobs( $positional, $named );
		if ( ! empty( $named['dry-run'] ) ) {
			self::print_results( self::foresee( $action, $job_ids ), $named, true );
			return;
		}
		$question = Allowed_Actions::question( $action );
		if ( count( $job_ids ) > 1 || '' !== $question ) {
			\WP_CLI::confirm( trim( sprintf( '%s: %d job(s). %s', $action, count( $job_ids ), $question ) ), $named );
		}
		$is_table = 'table' === ( $named['format'] ?? 'table' );
		$bar      = $is_table && count( $job_ids ) > 1 ? \WP_CLI\Utils\make_progress_bar( $action, count( $job_ids ) ) : null;
		$results  = array();
		foreach ( $job_ids as $number => $job_id ) {
			$results[] = array( 'job_id' => $job_id ) + Actions::run( $action, $job_id, $options );
			if ( $bar ) {
				$bar->tick();
			}
			if ( 0 === ( $number + 1 ) % self::AT_ONCE ) {
				Send_Later::send_waiting();
			}
		}
		if ( $bar ) {
			$bar->finish();
		}
		Send_Later::send_waiting();
		self::print_results( $results, $named, false );
	}

	/**
	 * The jobs that are meant. Ends the command when nothing clear is meant.
	 *
	 * @param string[] $positional Jobs.
	 * @param array    $named      Options.
	 * @return string[]
	 */
	private static function jobs( array $positional, array $named ): array {
		$all = ! empty( $named['all'] );
		if ( $all === (bool) $positional ) {
			\WP_CLI::error( 'Name jobs, or --all with a --view, and not both.' );
		}
		if ( ! $all ) {
			$wrong = array_diff( $positional, array_filter( $positional, array( Job_Id::class, 'matches' ) ) );
			if ( $wrong ) {
				\WP_CLI::error( sprintf( 'No id of a job: %s', Cli_Reports::line( implode( ', ', $wrong ) ) ) );
			}
			return array_values( array_unique( array_map( 'strval', $positional ) ) );
		}
		if ( empty( $named['view'] ) ) {
			\WP_CLI::error( 'Say which jobs: --all needs a --view.' );
		}
		// All ids first: what is done changes what the view holds.
		$job_ids = array();
		$limit   = isset( $named['limit'] ) ? max( 1, (int) $named['limit'] ) : PHP_INT_MAX;
		do {
			$rows    = Cli_Reports::find( array( 'order' => 'asc' ) + $named, min( Cli_Reports::PAGE, $limit - count( $job_ids ) ), count( $job_ids ) )['rows'];
			$job_ids = array_merge( $job_ids, array_column( $rows, 'job_id' ) );
		} while ( count( $rows ) === Cli_Reports::PAGE && count( $job_ids ) < $limit );
		return $job_ids;
	}

	/**
	 * What would be done, as far as the ledger tells.
	 *
	 * @param string   $action  As in Allowed_Actions.
	 * @param string[] $job_ids Jobs.
	 */
	private static function foresee( string $action, array $job_ids ): array {
		$results = array();
		foreach ( array_chunk( $job_ids, Cli_Reports::PAGE ) as $some ) {
			$rows = Ledger::newest_of( $some );
			foreach ( $some as $job_id ) {
				$row       = $rows[ $job_id ] ?? null;
				$ok        = $row && in_array( $action, Allowed_Actions::possible( $row ), true );
				$results[] = array(
					'job_id'  => $job_id,
					'ok'      => $ok,
					'code'    => $row ? ( $ok ? 'would' : 'would_not' ) : 'unknown_job',
					'message' => $row ? sprintf( $ok ? 'would %s (%s)' : 'would probably not %s (%s)', $action, Job_Labels::state( $row['state'] )[0] ) : 'The ledger does not know this job.',
				);
			}
		}
		return $results;
	}

	/**
	 * Says what came of it.
	 *
	 * @param array[] $results List of {job_id, ok, code, message}.
	 * @param array   $named   Options.
	 * @param bool    $is_dry  Whether nothing was done.
	 */
	private static function print_results( array $results, array $named, bool $is_dry ): void {
		$format = (string) ( $named['format'] ?? 'table' );
		$good   = array_values( array_filter( $results, static function ( $result ) { return $result['ok']; } ) ); // phpcs:ignore
		// Ids and a number are for the next program: those that it worked for.
		Cli_Reports::items( in_array( $format, array( 'ids', 'count' ), true ) ? $good : $results, array( 'job_id', 'ok', 'code', 'message' ), array( 'format' => $format ) );
		$failed = count( $results ) - count( $good );
		if ( $is_dry ) {
			if ( 'table' === $format ) {
				\WP_CLI::log( sprintf( 'Dry run: %d of %d. Nothing was changed.', count( $good ), count( $results ) ) );
			}
			return;
		}
		if ( $failed ) {
			\WP_CLI::error( sprintf( '%d of %d not done.', $failed, count( $results ) ) );
		}
		if ( 'table' === $format ) {
			\WP_CLI::success( sprintf( '%d done.', count( $good ) ) );
		}
	}
}
