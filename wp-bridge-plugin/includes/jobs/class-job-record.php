<?php
/**
 * A job as the sidecar gets it: the data of `job.paid`, and the record of the pull (docs/contract.md, part 3).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Puts together what shop and ledger know. The customer's e-mail address is not part of it.
 */
final class Job_Record {

	/**
	 * The data of an attempt's `job.paid` (schemas/to-sidecar/job.paid.json).
	 *
	 * @param array      $row A ledger row.
	 * @param array|null $job The shop's job; null when the shop has deleted it.
	 */
	public static function paid_data( array $row, ?array $job ): array {
		$attempt = (int) $row['attempt'];
		$good    = $attempt > 1 ? Ledger::delivered_before( $row['job_id'], $attempt ) : null; // Of an earlier attempt.
		return array(
			'job_id'       => $row['job_id'],
			'attempt'      => $attempt,
			'rerun'        => (bool) $row['is_rerun'],
			'force'        => (bool) $row['is_forced'],
			'factor'       => $job['factor'] ?? 0,
			'source'       => $job['source'] ?? array(
				'type' => 'attachment',
				'url'  => null,
				'path' => null,
			),
			'width'        => $job['width'] ?? null,
			'height'       => $job['height'] ?? null,
			'expiry_hours' => Settings::expiry_hours(),
			'format'       => Settings::output_format(),
			'paid_at'      => gmdate( 'Y-m-d\TH:i:s\Z', self::paid_at( $row, $job ) ),
			'title'        => $job ? Shop::title( $job ) : null,
			'previous'     => $good ? self::file( $good ) : null,
		);
	}

	/**
	 * When it was paid, as far as the shop knows; Unix seconds.
	 *
	 * @param array      $row A ledger row.
	 * @param array|null $job The shop's job.
	 */
	private static function paid_at( array $row, ?array $job ): int {
		return empty( $job['paid_at'] ) ? Sql::unix( $row['created_at'] ) : (int) $job['paid_at'];
	}

	/**
	 * The record of an attempt, as the answers to jobs.unfinished and jobs.lookup hold it: the data of `job.paid` and what became of it.
	 * Ages are seconds by our clock, so that the sidecar's need not agree.
	 *
	 * @param array      $row A ledger row.
	 * @param array|null $job The shop's job.
	 */
	public static function record( array $row, ?array $job ): array {
		$data = self::paid_data( $row, $job );
		$now  = time();
		return $data + array(
			'state'        => $row['state'],
			'submission'   => (int) $row['submission'],
			'upsampler_id' => $row['upsampler_id'],
			'credits'      => null === $row['credits'] ? null : (float) $row['credits'],
			'age'          => max( 0, $now - self::paid_at( $row, $job ) ),
			'updated_age'  => max( 0, $now - Sql::unix( $row['updated_at'] ) ),
			'reason'       => $row['reason'],
			'delivery'     => null === $row['path'] ? null : self::delivery( $row ),
			'deliveries'   => self::deliveries( $row ),
		);
	}

	/**
	 * What each attempt has delivered, oldest first: which link opens what (contract, part 5). A link is known again by the digest of its
	 * token: a record may be shown to people.
	 *
	 * @param array $newest A ledger row.
	 */
	private static function deliveries( array $newest ): array {
		$found = array();
		foreach ( (int) $newest['attempt'] > 1 ? Ledger::attempts( $newest['job_id'] ) : array( $newest ) as $row ) {
			if ( null !== $row['path'] && null !== $row['token'] ) {
				$revoked = null !== $row['revoked_at'] || 'delivered' !== $row['state'];
				$link    = hash( 'sha256', $row['token'] );
				$found[] = array_diff_key( array( 'attempt' => (int) $row['attempt'] ) + compact( 'revoked', 'link' ) + self::delivery( $row ), array_flip( array( 'token', 'download_url' ) ) );
			}
		}
		return $found;
	}

	/**
	 * What was delivered.
	 *
	 * @param array $row A ledger row with a path.
	 */
	private static function delivery( array $row ): array {
		return self::file( $row ) + array(
			'format'       => $row['format'],
			'token'        => $row['token'],
			'download_url' => $row['download_url'],
			'expires_at'   => Sql::rfc3339( $row['expires_at'] ),
			'revoked'      => null !== $row['revoked_at'],
		);
	}

	/**
	 * A file's facts.
	 *
	 * @param array $row A ledger row with a path.
	 */
	private static function file( array $row ): array {
		return array(
			'path'   => $row['path'],
			'bytes'  => (int) $row['bytes'],
			'sha256' => $row['sha256'],
			'width'  => (int) $row['width'],
			'height' => (int) $row['height'],
		);
	}
}
