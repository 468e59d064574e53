<?php
/**
 * A test picture: a real job through everything, without a sale and without a mail, and nothing of it is left in the end.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Shared_Option;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * The shop is told nothing of it: this class answers in the shop's place. Its job has no address to mail to and no payment to refund.
 */
final class Test_Picture {

	/** Option: the job that is under way, {job_id, at, source}; '' when there is none. */
	const RUNNING = 'smi_bridge_test_picture';

	/** Option, not autoloaded: how the last one ended, {at, state, reason, story}. */
	const RESULT = 'smi_bridge_test_result';

	/** Answers for the test's job as long as there is one. */
	public static function listen(): void {
		add_filter( 'smi_bridge_read_jobs', array( self::class, 'read' ), 5, 2 );
		foreach ( array( 'write_progress', 'write_delivery', 'write_mailed', 'write_revoked', 'write_refund', 'write_erased', 'refund' ) as $method ) {
			add_filter( 'smi_bridge_' . $method, array( self::class, 'keep_from_the_shop' ), 5, 2 );
		}
	}

	/**
	 * Starts one, unless one is under way.
	 *
	 * @return string started, running, not_connected or not_stored (the uploads folder refuses the source).
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function start(): string {
		if ( self::running() ) {
			return 'running';
		}
		if ( ! Compat::may_forward() ) {
			return 'not_connected';
		}
		$job_id = 'smi-test-' . wp_generate_uuid4();
		$source = $job_id . '.jpg';
		if ( ! wp_mkdir_p( wp_get_upload_dir()['basedir'] ) || ! copy( SMI_BRIDGE_DIR . 'assets/test-picture.jpg', wp_get_upload_dir()['basedir'] . '/' . $source ) ) {
			return 'not_stored';
		}
		$ours = array( 'at' => time() ) + compact( 'job_id', 'source' );
		$wins = Shared_Option::change(
			self::RUNNING,
			static function ( array $running ) use ( $ours ) {
				return $running ? $running : $ours;
			}
		);
		if ( $wins !== $ours ) { // The button was pressed twice.
			wp_delete_file( wp_get_upload_dir()['basedir'] . '/' . $source );
			return 'running';
		}
		delete_option( self::RESULT );
		self::listen();
		Ledger::open( $job_id, 1 );
		History::record( $job_id, 1, 'test_picture' );
		History::write();
		Send_Later::job_paid( $job_id, 1 );
		return 'started';
	}

	/**
	 * How it stands; cleans up after one that has ended. Also daily, after one that nobody has looked at.
	 *
	 * @return array|null {running, at, state, reason, story: list of {at, event}}; null: there was never one.
	 */
	public static function status(): ?array {
		$running = self::running();
		if ( ! $running ) {
			$result = get_option( self::RESULT );
			return is_array( $result ) ? array( 'running' => false ) + $result : null;
		}
		$row    = Ledger::newest( $running['job_id'] );
		$status = array(
			'at'     => $running['at'],
			'state'  => $row ? $row['state'] : 'lost',
			'reason' => $row ? (string) $row['reason'] : '',
			'story'  => array_map( array( self::class, 'line' ), History::of_job( $running['job_id'] ) ),
		);
		$ended  = ! $row || States::is_settled( $row['state'] ) || $running['at'] < time() - Time_Limits::TEST_PICTURE;
		if ( $ended ) {
			self::clean_up( $running );
			update_option( self::RESULT, $status, false );
		}
		return array( 'running' => ! $ended ) + $status;
	}

	/**
	 * The job, as a shop would answer.
	 *
	 * @param array|null $found   Of others.
	 * @param string[]   $job_ids Ids.
	 */
	public static function read( $found, $job_ids ): ?array {
		$running = self::running();
		if ( ! $running || ! in_array( $running['job_id'], (array) $job_ids, true ) ) {
			return $found;
		}
		return (array) $found + array(
			$running['job_id'] => array(
				'paid'    => true,
				'status'  => 'processing',
				'factor'  => 4,
				'paid_at' => (int) $running['at'],
				'source'  => array(
					'type' => 'upload',
					'url'  => wp_get_upload_dir()['baseurl'] . '/' . $running['source'],
					'path' => $running['source'],
				),
			),
		);
	}

	/**
	 * The shop has no row of it, and nobody is to hear of a sale.
	 *
	 * @param mixed        $answer Of others.
	 * @param string|array $job    The job, or its id.
	 * @return mixed
	 */
	public static function keep_from_the_shop( $answer, $job ) {
		$running = self::running();
		$job_id  = is_array( $job ) ? ( $job['job_id'] ?? '' ) : $job;
		return $running && $running['job_id'] === $job_id ? array( 'amount' => 0 ) : $answer;
	}

	/** The job that is under way, or null. */
	private static function running(): ?array {
		$running = get_option( self::RUNNING );
		return is_array( $running ) && isset( $running['job_id'], $running['at'], $running['source'] ) ? $running : null;
	}

	/** Nothing of it stays: neither here nor at the sidecar's. @param array $running See RUNNING. */
	private static function clean_up( array $running ): void {
		( new Sidecar_Client() )->send( 'job.erase', array( 'job_id' => $running['job_id'] ) );
		Ledger::forget( $running['job_id'] );
		wp_delete_file( wp_get_upload_dir()['basedir'] . '/' . $running['source'] );
		Shop::forget( $running['job_id'] );
		update_option( self::RUNNING, '' );
	}

	/** A line of the history. @param array $event Of the history. */
	private static function line( array $event ): array {
		return array_intersect_key( $event, array_flip( array( 'at', 'event' ) ) );
	}
}
