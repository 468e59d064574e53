<?php
/**
 * Whether a customer has got the file: known from the sidecar's word, or from the shop's own download route.
 *
 * What was downloaded is not refunded by itself any more, whatever happens to later attempts: a person decides.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;

defined( 'ABSPATH' ) || exit;

/**
 * The first download of each attempt's file. Asking for the head of a file (mail scanners, previews) is none.
 */
final class Downloads {

	/**
	 * `job.downloaded`: the sidecar has opened a link.
	 *
	 * @param array $data See schema.
	 */
	public static function message( array $data ): Outcome {
		$attempts = array_column( Ledger::attempts( $data['job_id'] ), null, 'attempt' );
		if ( ! isset( $attempts[ $data['attempt'] ] ) ) {
			return Outcome::refused( 'unknown_job' );
		}
		self::note( $attempts[ $data['attempt'] ], Sql::from_rfc3339( $data['downloaded_at'] ) );
		return Outcome::done();
	}

	/**
	 * For a shop with a download route of its own: `do_action( 'smi_bridge_downloaded', $job_id )` when it hands the file out.
	 *
	 * @param string $job_id The shop's id.
	 */
	public static function by_shop( $job_id ): void {
		$row = is_string( $job_id ) ? Ledger::newest( $job_id ) : null;
		if ( $row && null === $row['path'] ) { // A rerun is under way; the shop hands out the file of before.
			$row = Ledger::delivered_before( $job_id, (int) $row['attempt'] );
		}
		if ( $row ) {
			self::note( $row, Sql::utc( time() ) );
			History::write();
		}
	}

	/** The bridge itself hands the file of an attempt out. @param array $row Ledger row. */
	public static function by_link( array $row ): void {
		if ( null === $row['downloaded_at'] ) {
			self::note( $row, Sql::utc( time() ) );
			History::write();
		}
	}

	/**
	 * When the customer first downloaded a file of this job, whichever attempt made it. Null: never.
	 *
	 * @param string $job_id The shop's id.
	 * @return string|null UTC.
	 */
	public static function first( string $job_id ): ?string {
		$row = Sql::row( 'SELECT MIN( downloaded_at ) first FROM ' . Sql::table( 'ledger' ) . ' WHERE job_id = %s', array( $job_id ) );
		return $row['first'] ?? null;
	}

	/**
	 * Only the first counts.
	 *
	 * @param array  $row Ledger row.
	 * @param string $at  UTC.
	 */
	private static function note( array $row, string $at ): void {
		$key = array(
			'id'            => (int) $row['id'],
			'downloaded_at' => null,
		);
		if ( null === $row['downloaded_at'] && Sql::update( Sql::table( 'ledger' ), array( 'downloaded_at' => $at ), $key ) ) {
			History::record( $row['job_id'], (int) $row['attempt'], 'downloaded' );
		}
	}
}
