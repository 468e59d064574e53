<?php
/**
 * What the customer's view knows about a job on this side: the status document and the picture that was bought. Reads only.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Facts for the view. A job that nobody knows is no error here: the payment's message may still be under way.
 */
final class Status_Facts {

	/**
	 * The status document of contract, part 5; `{phase: "unknown"}` when the ledger has no such job.
	 *
	 * @param string $job_id    The job's id.
	 * @param bool   $with_link Whether the reader may have the link.
	 * @return array See Status_Route::document().
	 */
	public static function document( string $job_id, bool $with_link ): array {
		try {
			$row      = Ledger::newest( $job_id );
			$document = $row ? Status_Route::document( $row, $with_link ) : null;
		} catch ( Database_Error $fault ) {
			// A visitor's page must not die of it; the script asks again by itself.
			Log::write( 'status_unreadable', $fault->getMessage(), array( 'job_id' => $job_id ) );
			$document = null;
		}
		return $document ?? array( 'phase' => 'unknown' );
	}

	/**
	 * Title and thumbnail of what was bought: `{title, thumb}`, either may be ''.
	 *
	 * @param string $job_id The job's id.
	 */
	public static function about( string $job_id ): array {
		$job        = Status_Access::job( $job_id );
		$attachment = (int) ( $job['attachment_id'] ?? 0 );
		$thumb      = $attachment ? wp_get_attachment_image_url( $attachment, 'thumbnail' ) : false;
		/**
		 * Filters what the customer's view shows of the bought picture.
		 *
		 * @param array  $about  `{title, thumb}`; thumb is the address of a small picture.
		 * @param string $job_id The job's id.
		 */
		return (array) apply_filters(
			'smi_bridge_about_job',
			array(
				'title' => $job ? (string) Shop::title( $job ) : '',
				'thumb' => $thumb ? $thumb : '',
			),
			$job_id
		);
	}

	/**
	 * Adds the address of a small picture to the facts of a mail, so that people recognise what they bought.
	 *
	 * @param array $facts Facts.
	 * @param array $row   Ledger row.
	 */
	public static function with_preview( $facts, $row ): array {
		$job        = Shop::job( (string) $row['job_id'] );
		$attachment = (int) ( $job['attachment_id'] ?? 0 );
		$picture    = $attachment ? wp_get_attachment_image_url( $attachment, 'medium_large' ) : false;
		return (array) $facts + array( 'preview_url' => $picture ? $picture : '' );
	}
}
