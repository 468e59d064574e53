<?php
/**
 * What a customer gets to see in an export of personal data: the orders, in words. Reads only.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Privacy;

use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Items in WordPress' form: one for each job. No token and no download link is part of it.
 */
final class Privacy_Export {

	/**
	 * Items of jobs.
	 *
	 * @param string[] $job_ids At most some hundreds.
	 * @return array[]
	 */
	public static function items( array $job_ids ): array {
		$rows  = Ledger::newest_of( $job_ids );
		$jobs  = Shop::jobs( $job_ids );
		$items = array();
		foreach ( $job_ids as $job_id ) {
			if ( isset( $jobs[ $job_id ] ) ) {
				$items[] = array(
					'group_id'          => 'smi-bridge',
					'group_label'       => __( 'Enlarged pictures', 'smi-bridge' ),
					'group_description' => __( 'Orders of enlarged pictures, and what became of them.', 'smi-bridge' ),
					'item_id'           => 'smi-bridge-' . $job_id,
					'data'              => self::data( $job_id, $jobs[ $job_id ], $rows[ $job_id ] ?? null ),
				);
			}
		}
		return $items;
	}

	/**
	 * Names and values of one job; empty ones are left out.
	 *
	 * @param string     $job_id The shop's id.
	 * @param array      $job    The shop's job.
	 * @param array|null $row    The newest ledger row.
	 */
	private static function data( string $job_id, array $job, ?array $row ): array {
		$facts = array(
			__( 'Order', 'smi-bridge' )            => $job_id,
			__( 'E-mail', 'smi-bridge' )           => $job['email'],
			__( 'Picture', 'smi-bridge' )          => (string) Shop::title( $job ),
			__( 'Uploaded picture', 'smi-bridge' ) => 'upload' === $job['source']['type'] ? (string) $job['source']['url'] : '',
			__( 'Enlargement', 'smi-bridge' )      => Format::factor( $job['factor'] ),
			__( 'Paid', 'smi-bridge' )             => $job['paid_at'] ? Format::moment( $job['paid_at'] ) : '',
			__( 'Amount', 'smi-bridge' )           => Format::amount( $job['amount'] ),
		);
		if ( $row ) {
			$facts += array(
				__( 'State', 'smi-bridge' )           => Job_Labels::state( $row['state'] )[0],
				__( 'Dimensions', 'smi-bridge' )      => Format::dimensions( $row['width'], $row['height'] ),
				__( 'File', 'smi-bridge' )            => implode( ', ', array_filter( array( Format::format( $row['format'] ), Format::size( $row['bytes'] ) ) ) ),
				__( 'Delivered', 'smi-bridge' )       => Format::moment( $row['delivered_at'] ),
				__( 'Downloaded', 'smi-bridge' )      => Format::moment( $row['downloaded_at'] ),
				__( 'Available until', 'smi-bridge' ) => null === $row['revoked_at'] ? Format::moment( $row['expires_at'] ) : '',
				__( 'What happened', 'smi-bridge' )   => self::effects( $job_id ),
			);
		}
		$data = array();
		foreach ( array_filter( $facts, 'strlen' ) as $name => $value ) {
			$data[] = array(
				'name'  => $name,
				'value' => esc_html( $value ), // The export is an HTML page.
			);
		}
		return $data;
	}

	/**
	 * Mails and refund, one line each.
	 *
	 * @param string $job_id The shop's id.
	 */
	private static function effects( string $job_id ): string {
		$lines = array();
		foreach ( Effects::of_job( $job_id ) as $effect ) {
			$lines[] = sprintf( '%s: %s (%s)', Format::moment( $effect['done_at'] ?? $effect['claimed_at'] ), Job_Labels::event( $effect['effect'] ), Job_Labels::outcome( $effect, Effects::is_unknown( $effect ) ) );
		}
		return implode( '; ', $lines );
	}
}
