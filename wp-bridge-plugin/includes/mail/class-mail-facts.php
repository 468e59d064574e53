<?php
/**
 * What a mail tells about a job: the facts of Mail::send(), from ledger and shop.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Sql;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Facts only; the words are the mail's. Reads the shop's row and asks other code by filters; writes nothing.
 */
final class Mail_Facts {

	/**
	 * Reads the pictures that were bought, as WordPress' posts, in two statements: a mail tells the title of one, and shows it.
	 *
	 * @param string[] $job_ids Ids.
	 */
	public static function read_pictures( array $job_ids ): void {
		$posts = array_filter( array_map( 'intval', array_column( Shop::jobs( $job_ids ), 'attachment_id' ) ) );
		if ( count( $posts ) > 1 ) {
			_prime_post_caches( array_unique( $posts ), false );
		}
	}

	/**
	 * The facts of Mail::send(), from an attempt as it is in `$row`: the row may be newer than what the database holds.
	 *
	 * @param array $row   A ledger row.
	 * @param array $extra Further facts, which win: customer_message, amount, …
	 * @return array See Mail::send().
	 * @throws \SmiBridge\Core\Database_Error When the shop's row can't be read.
	 */
	public static function for_mail( array $row, array $extra = array() ): array {
		$job   = Shop::job( $row['job_id'] );
		$facts = array(
			'job_id'       => $row['job_id'],
			'attempt'      => (int) $row['attempt'],
			'email'        => $job['email'] ?? '',
			'title'        => $job && '' !== $job['email'] ? Shop::title( $job ) : null, // Costs a query, and nobody would read it.
			'width'        => null === $row['width'] ? null : (int) $row['width'],
			'height'       => null === $row['height'] ? null : (int) $row['height'],
			'bytes'        => null === $row['bytes'] ? null : (int) $row['bytes'],
			'format'       => $row['format'],
			'factor'       => $job['factor'] ?? 0,
			'download_url' => Shop::download_url( $row ),
			'expires_at'   => Sql::rfc3339( $row['expires_at'] ),
			'reason'       => $row['reason'],
			'amount'       => $job['amount'] ?? null,
			/** Filters the address of the page that shows a customer where the job stands; '' if there is none. */
			'status_url'   => (string) apply_filters( 'smi_bridge_status_url', '', $row['job_id'] ),
		);
		/** Filters the facts that a mail tells. */
		return (array) apply_filters( 'smi_bridge_job_facts', $extra + $facts, $row );
	}
}
