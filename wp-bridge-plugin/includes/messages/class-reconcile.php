<?php
/**
 * The sidecar’s question jobs.unfinished: repairs the ledger, then reads it. Whatever message was lost, here it is found.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Request;
use SmiBridge\Core\Sidecars;
use SmiBridge\Files\Cdn;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Jobs\Adoption;
use SmiBridge\Jobs\Refund;
use SmiBridge\Ledger\Tables;

defined( 'ABSPATH' ) || exit;

/**
 * The sidecar asks every minute, so that nothing here needs WP-Cron. Repairs may be repeated: each finds what the one before has left.
 */
final class Reconcile {

	/**
	 * Handler of `jobs.unfinished`. The first page repairs before it reads.
	 *
	 * @param array $data See schema.
	 */
	public static function unfinished( array $data ): Outcome {
		$after = (int) ( $data['after'] ?? 0 );
		if ( '' !== ( $data['sidecar'] ?? '' ) ) {
			Sidecars::seen( $data['sidecar'] );
		}
		$effects = 0 === $after ? self::repair() : array();
		if ( 0 === $after ) {
			Left_Messages::send_later();
		}
		if ( 0 === $after && Cdn::is_set() ) {
			Request::at_end( array( Cdn::class, 'check' ), 1020 ); // When the answer is out, and others are done.
		}
		return Outcome::done( Pull::unfinished( $after, (int) $data['limit'] ), $effects );
	}

	/**
	 * 1. paid jobs without a row are adopted; 2. refunds that were cut off go to a person; 3. old rows and files are dropped, once a day, when
	 * the answer is out.
	 *
	 * @return callable[] Effects, to be run after the commit: customers are mailed.
	 */
	public static function repair(): array {
		Adoption::run();
		$effects = Refund::end_cut_off();
		Request::at_end( array( self::class, 'tidy' ), 1016 );
		return $effects;
	}

	/** Step 3: nobody waits for it, and it holds no lock of the visit. */
	public static function tidy(): void {
		try {
			if ( Tables::tidy_when_due() ) {
				Stored_Files::tidy();
				Left_Messages::end_old();
			}
		} catch ( Database_Error $error ) {
			Log::write( 'not_tidied', $error->getMessage() );
		}
	}
}
