<?php
/**
 * Adoption: paid jobs that have no row in the ledger get one. Their message was lost, or they were paid before the bridge was connected.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * The first step of reconcile; WP-CLI looks with it. It never adopts a job that the shop calls completed or failed, and tells the sidecar
 * nothing: the same pull reads the new rows.
 */
final class Adoption {

	/** They are looked through in pages of so many, … */
	const PAGE = 2000;

	/** … and so many pages: a bound, not a wish. */
	const PAGES = 50;

	/** Adopts all of them. */
	public static function run(): void {
		foreach ( self::missing() as $job_id => $job ) {
			self::adopt( (string) $job_id, $job );
		}
	}

	/**
	 * Paid jobs without a row. All that the shop has open are looked through: those in flight, too. Only reads.
	 *
	 * @return iterable Job id => job.
	 */
	public static function missing(): iterable {
		if ( ! Settings::is_connected() ) {
			return;
		}
		$since = max( Settings::connected_since() - Time_Limits::TAKE_OVER, time() - Time_Limits::LOOK_BACK );
		for ( $page = 0; $page < self::PAGES; $page++ ) {
			$job_ids = Shop::paid_jobs( $since, self::PAGE, $page * self::PAGE );
			foreach ( Shop::jobs( array_values( array_diff( $job_ids, Ledger::known( $job_ids ) ) ) ) as $job_id => $job ) {
				if ( $job['paid'] && Job_Id::matches( $job_id ) ) {
					yield $job_id => $job;
				}
			}
			if ( count( $job_ids ) < self::PAGE ) {
				return;
			}
		}
	}

	/**
	 * Adopts a job. If the shop's own handler had submitted it when the bridge was connected, it keeps its Upsampler id, and goes on
	 * from there instead of being paid twice.
	 *
	 * @param string $job_id The shop's id.
	 * @param array  $job    A job.
	 */
	private static function adopt( string $job_id, array $job ): void {
		$facts = '' === $job['upsampler_id'] ? array() : array(
			'state'        => 'submitted',
			'submission'   => 1,
			'upsampler_id' => $job['upsampler_id'],
		);
		if ( Ledger::open( $job_id, 1, $facts ) ) {
			History::record( $job_id, 1, 'taken_in', array( 'upsampler_id' => $facts['upsampler_id'] ?? null ) );
		}
	}
}
