<?php
/**
 * Commands that put things right or say what is wrong: reconcile, doctor.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Cli;

use SmiBridge\Health\Connection_Test;
use SmiBridge\Health\Site_Health;
use SmiBridge\Jobs\Adoption;
use SmiBridge\Jobs\Send_Later;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Ledger\Tables;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Messages\Pull;
use SmiBridge\Messages\Reconcile;
use SmiBridge\Shop\Compat;

defined( 'ABSPATH' ) || exit;

/**
 * Both call what exists: the sidecar's pull, the connection test, the tests of Site Health. `doctor` only reads; `reconcile` tells the
 * sidecar again what it has not confirmed, which changes nothing where it knows it.
 */
final class Cli_Checks {

	/** Jobs of one pull. */
	const PAGE = 100;

	/** `reconcile`. @param string[] $positional None. @param array $named Options. */
	public static function reconcile( array $positional, array $named ): void {
		$is_dry = ! empty( $named['dry-run'] );
		if ( ! $is_dry && ! Compat::may_forward() ) {
			\WP_CLI::error( 'The bridge is not connected, is paused, or the shop’s own handler could not be detached. See: wp smi-bridge doctor' );
		}
		$items = array();
		foreach ( Adoption::missing() as $job_id => $job ) {
			$items[ $job_id ] = self::item( (string) $job_id, 'missing', 'paid, but not in the ledger: adopted' );
		}
		if ( ! $is_dry ) {
			self::repair();
		}
		$after = 0;
		do {
			$page = Pull::unfinished( $after, self::PAGE );
			History::write();
			foreach ( $page['jobs'] as $record ) {
				self::hand_over( $record, $items, $is_dry );
			}
			Send_Later::send_waiting();
			$after = $page['next'];
		} while ( null !== $after );
		Cli_Reports::items( array_values( $items ), array( 'job_id', 'state', 'message' ), $named );
		if ( 'table' === ( $named['format'] ?? 'table' ) ) {
			\WP_CLI::log( $is_dry ? 'Dry run: nothing was changed.' : sprintf( '%d job(s) looked after.', count( $items ) ) );
		}
	}

	/** The same repair as the sidecar's question makes every minute, with its mails. */
	private static function repair(): void {
		foreach ( Reconcile::repair() as $effect ) {
			Customer_Mail::now( $effect );
		}
	}

	/**
	 * Tells the sidecar of a job again, if it has not confirmed it. A message that it knows already changes nothing there.
	 *
	 * @param array   $record See Job_Record::record().
	 * @param array[] $items  What is to be printed.
	 * @param bool    $is_dry Whether nothing is done.
	 */
	private static function hand_over( array $record, array &$items, bool $is_dry ): void {
		$job_id = $record['job_id'];
		$row    = Ledger::newest( $job_id );
		if ( ! $row || 'paid' !== $row['state'] || null !== $row['forwarded_at'] ) {
			return;
		}
		$items[ $job_id ] = $items[ $job_id ] ?? self::item( $job_id, 'paid', 'not confirmed by the sidecar: told again' );
		if ( ! $is_dry ) {
			Send_Later::later( 'job.paid', $job_id, (int) $row['attempt'] );
		}
	}

	/** `doctor`. @param string[] $positional None. @param array $named Options. */
	public static function doctor( array $positional, array $named ): void {
		$findings = array_merge( self::ground(), Connection_Test::report()['findings'], self::site_health() );
		$bad      = array_keys( array_column( $findings, 'level' ), 'bad', true );
		Cli_Reports::items( $findings, array( 'level', 'title', 'text', 'detail', 'fix' ), $named );
		if ( $bad ) {
			\WP_CLI::error( sprintf( '%d thing(s) wrong.', count( $bad ) ) );
		}
		if ( 'table' === ( $named['format'] ?? 'table' ) ) {
			\WP_CLI::success( 'Nothing wrong.' );
		}
	}

	/** What everything stands on: tables and timetable. */
	private static function ground(): array {
		$missing = Tables::missing();
		$cron    = wp_next_scheduled( 'smi_bridge_daily' );
		$late    = $cron && $cron < time() - DAY_IN_SECONDS;
		return array(
			self::finding( $missing ? 'bad' : 'ok', 'Tables', $missing ? 'Missing: ' . implode( ', ', $missing ) . '. Deactivate and activate the plugin.' : 'All are there.' ),
			self::finding( $cron && ! $late ? 'ok' : 'warn', 'WP-Cron', $late ? 'It has not run for a day. Call wp-cron.php by the system’s cron.' : ( $cron ? 'The daily clean-up is due.' : 'The daily clean-up is not scheduled. Deactivate and activate the plugin.' ) ),
		);
	}

	/** The tests of Site Health, but the one over both doors, which the connection test has said in more detail. */
	private static function site_health(): array {
		$tests    = Site_Health::tests( array() );
		$levels   = array(
			'good'        => 'ok',
			'recommended' => 'warn',
			'critical'    => 'bad',
		);
		$findings = array();
		foreach ( array_merge( $tests['direct'], $tests['async'] ) as $name => $test ) {
			if ( 'smi_bridge_doors' !== $name ) {
				$result     = call_user_func( $test['async_direct_test'] );
				$plain      = wp_specialchars_decode( wp_strip_all_tags( $result['description'] ), ENT_QUOTES );
				$findings[] = self::finding( $levels[ $result['status'] ], wp_specialchars_decode( $result['label'], ENT_QUOTES ), $plain );
			}
		}
		return $findings;
	}

	/** A finding in the columns of the connection test's. @param string $level ok, warn or bad. @param string $title What. @param string $text Why. */
	private static function finding( string $level, string $title, string $text ): array {
		return compact( 'level', 'title', 'text' ) + array_fill_keys( array( 'detail', 'fix' ), '' );
	}

	/** A row of `reconcile`. @param string $job_id Id. @param string $state State. @param string $message Words. */
	private static function item( string $job_id, string $state, string $message ): array {
		return compact( 'job_id', 'state', 'message' );
	}
}
