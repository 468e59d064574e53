<?php
/**
 * WordPress’ tools for personal data: what of a customer we keep can be exported and erased, and what the site’s policy may say of it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Privacy;

use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Schemas;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Finds a customer's jobs by e-mail address through the shop, page by page. What is forgotten is the care of Erasure.
 */
final class Privacy {

	/** Jobs of one page. */
	const PAGE = 100;

	/** Adds the exporter. @param array $exporters Exporters. */
	public static function exporters( $exporters ): array {
		return (array) $exporters + array(
			'smi-bridge' => array(
				'exporter_friendly_name' => __( 'Enlarged pictures (SMI Bridge)', 'smi-bridge' ),
				'callback'               => array( self::class, 'export' ),
			),
		);
	}

	/** Adds the eraser. @param array $erasers Erasers. */
	public static function erasers( $erasers ): array {
		return (array) $erasers + array(
			'smi-bridge' => array(
				'eraser_friendly_name' => __( 'Enlarged pictures (SMI Bridge)', 'smi-bridge' ),
				'callback'             => array( self::class, 'erase' ),
			),
		);
	}

	/**
	 * A page of the export.
	 *
	 * @param string $email E-mail address.
	 * @param int    $page  From 1.
	 * @return array{data: array[], done: bool}
	 */
	public static function export( $email, $page = 1 ): array {
		$job_ids = Shop::jobs_of( (string) $email );
		$some    = array_slice( $job_ids, self::PAGE * ( max( 1, (int) $page ) - 1 ), self::PAGE );
		return array(
			'data' => self::items( $some ),
			'done' => count( $job_ids ) <= self::PAGE * max( 1, (int) $page ),
		);
	}

	/**
	 * Items of an export: one for each job, in words. No token and no download link is part of it.
	 *
	 * @param string[] $job_ids At most some hundreds.
	 * @return array[]
	 */
	private static function items( array $job_ids ): array {
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

	/**
	 * A page of the erasure: always the first jobs that are left, since erased ones no longer have the address.
	 *
	 * @param string $email E-mail address.
	 * @param int    $page  Not used.
	 * @return array{items_removed: bool, items_retained: bool, messages: string[], done: bool}
	 */
	public static function erase( $email, $page = 1 ): array {
		$kept = array();
		$open = array();
		foreach ( array_chunk( Shop::jobs_of( (string) $email ), self::PAGE ) as $some ) {
			$some = array_diff( $some, Erasure::done_among( $some ) );
			$rows = Ledger::newest_of( $some );
			$jobs = Shop::jobs( $some );
			foreach ( $some as $job_id ) {
				$why = Erasure::why_not( $rows[ $job_id ] ?? null, $jobs[ $job_id ] ?? null );
				if ( null === $why ) {
					$open[] = $job_id;
				} else {
					$kept[] = sprintf( $why, Format::reference( $job_id ) );
				}
			}
		}
		$now    = array_slice( $open, 0, self::PAGE );
		$unsent = 0;
		foreach ( $now as $job_id ) {
			$unsent += Erasure::of( $job_id ) ? 0 : 1;
		}
		$done = count( $open ) === count( $now );
		if ( $unsent ) {
			/* translators: %s: number of orders */
			$kept[] = sprintf( _n( 'The sidecar has not erased the files of %s order yet. It does as soon as it hears of it.', 'The sidecar has not erased the files of %s orders yet. It does as soon as it hears of it.', $unsent, 'smi-bridge' ), number_format_i18n( $unsent ) );
		}
		return array(
			'items_removed'  => (bool) $now,
			'items_retained' => ( $done && $kept ) || $unsent,
			'messages'       => $done || $unsent ? array_values( array_unique( $done ? $kept : array_slice( $kept, -1 ) ) ) : array(),
			'done'           => $done,
		);
	}

	/** Offers the text under Settings → Privacy. */
	public static function suggest_text(): void {
		if ( ! function_exists( 'wp_add_privacy_policy_content' ) ) {
			return;
		}
		wp_add_privacy_policy_content( __( 'SMI Bridge', 'smi-bridge' ), '<p class="privacy-policy-tutorial">' . esc_html__( 'This text describes what the bridge and its sidecar do with personal data. Add what your payment provider does.', 'smi-bridge' ) . '</p><p>' . implode( '</p><p>', array_map( 'esc_html', Schemas::words( 'pages', 'privacy' ) ) ) . '</p>' );
	}
}
