<?php
/**
 * Figures of the dashboard, from the ledger. Reads only; kept for half a minute.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * Everything counts the attempts that began in a period, in buckets of equal length that end now.
 */
final class Stats {

	/** Period => seconds, buckets. */
	const PERIODS = array(
		'24h' => array( DAY_IN_SECONDS, 24 ),
		'7d'  => array( WEEK_IN_SECONDS, 28 ),
		'30d' => array( 30 * DAY_IN_SECONDS, 30 ),
	);

	/**
	 * Figures of a period.
	 *
	 * @param string $period See PERIODS.
	 * @return array `{from, step, paid, delivered, refunded, review, working, success (0..1 or null), p50, p95 (seconds or null), credits,
	 *               money, errors: [{code, number}], series: {at: [], delivered: [], refunded: [], review: [], p50: [], p95: []}}`
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function of( string $period ): array {
		$period = isset( self::PERIODS[ $period ] ) ? $period : '24h';
		$kept   = get_transient( 'smi_bridge_stats_' . $period );
		if ( is_array( $kept ) ) {
			return $kept;
		}
		list( $length, $buckets ) = self::PERIODS[ $period ];
		$step  = intdiv( $length, $buckets );
		$from  = ( intdiv( time(), $step ) + 1 ) * $step - $length;
		$stats = self::attempts( $from, $step, $buckets );

		$stats['errors'] = self::errors( $from );
		$stats['money']  = self::money( $from );
		set_transient( 'smi_bridge_stats_' . $period, $stats, 30 );
		return $stats;
	}

	/**
	 * How attempts ended, and the seconds from payment to delivery: median and 95th percentile; in all and in each bucket.
	 *
	 * @param int $from    Unix seconds.
	 * @param int $step    Seconds of a bucket.
	 * @param int $buckets Number of them.
	 */
	private static function attempts( int $from, int $step, int $buckets ): array {
		// Counted in the database: a busy month has many deliveries, but few different durations.
		$rows    = Sql::rows(
			'SELECT state, FLOOR( TIMESTAMPDIFF( SECOND, %s, created_at ) / %d ) AS bucket, COUNT(*) AS number, SUM( credits ) AS credits,
			IF( state = \'delivered\', TIMESTAMPDIFF( SECOND, created_at, delivered_at ), NULL ) AS seconds FROM ' . Sql::table( 'ledger' ) . ' WHERE created_at >= %s GROUP BY state, bucket, seconds',
			array( Sql::utc( $from ), $step, Sql::utc( $from ) )
		);
		$totals  = array_fill_keys( array( 'delivered', 'refunded', 'review', 'working' ), 0 );
		$series  = array( 'at' => range( $from, $from + ( $buckets - 1 ) * $step, $step ) ) + array_fill_keys( array_keys( $totals ), array_fill( 0, $buckets, 0 ) );
		$times   = array_fill( 0, $buckets + 1, array() ); // The last one is of all.
		$credits = 0.0;
		foreach ( $rows as $row ) {
			$name     = isset( $totals[ $row['state'] ] ) ? $row['state'] : 'working';
			$bucket   = min( $buckets - 1, max( 0, (int) $row['bucket'] ) );
			$credits += (float) $row['credits'];

			$totals[ $name ]            += (int) $row['number'];
			$series[ $name ][ $bucket ] += (int) $row['number'];
			foreach ( null === $row['seconds'] ? array() : array( $bucket, $buckets ) as $of ) {
				$seconds                  = max( 0, (int) $row['seconds'] );
				$times[ $of ][ $seconds ] = ( $times[ $of ][ $seconds ] ?? 0 ) + (int) $row['number'];
			}
		}
		foreach ( array( 'p50' => 0.5, 'p95' => 0.95 ) as $name => $share ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			foreach ( $times as $counts ) {
				$series[ $name ][] = self::percentile( $counts, $share );
			}
			$totals[ $name ] = array_pop( $series[ $name ] );
		}
		$ended = $totals['delivered'] + $totals['refunded'] + $totals['review'];
		return $totals + array(
			'from'    => $from,
			'step'    => $step,
			'paid'    => $ended + $totals['working'],
			'success' => $ended ? $totals['delivered'] / $ended : null,
			'credits' => $credits,
			'series'  => $series,
		);
	}

	/**
	 * Nearest-rank percentile, or null of nothing.
	 *
	 * @param int[] $counts Value => how often.
	 * @param float $share  0 < share <= 1.
	 */
	public static function percentile( array $counts, float $share ): ?int {
		ksort( $counts );
		$rank = max( 1, (int) ceil( $share * array_sum( $counts ) ) );
		foreach ( $counts as $value => $number ) {
			$rank -= $number;
			if ( $rank <= 0 ) {
				return $value;
			}
		}
		return null;
	}

	/** What went wrong, by code. @param int $from Unix seconds. */
	private static function errors( int $from ): array {
		$rows = Sql::rows(
			'SELECT reason AS code, COUNT(*) AS number FROM ' . Sql::table( 'ledger' ) . ' WHERE created_at >= %s AND reason IS NOT NULL GROUP BY reason ORDER BY number DESC, reason LIMIT 8',
			array( Sql::utc( $from ) )
		);
		return array_map(
			static function ( $row ) {
				return array(
					'code'   => $row['code'],
					'words'  => Job_Labels::reason( $row['code'] ),
					'number' => (int) $row['number'],
				);
			},
			$rows
		);
	}

	/** Money given back. @param int $from Unix seconds. */
	private static function money( int $from ): float {
		$rows = Sql::rows(
			'SELECT e.detail FROM ' . Sql::table( 'ledger' ) . ' l JOIN ' . Sql::table( 'effects' ) . " e ON e.job_id = l.job_id AND e.attempt = 0 AND e.effect = 'refund' AND e.outcome = 'refunded' WHERE l.state = 'refunded' AND l.created_at >= %s",
			array( Sql::utc( $from ) )
		);
		$sum  = 0.0;
		foreach ( $rows as $row ) {
			$detail = json_decode( (string) $row['detail'], true );
			$sum   += is_array( $detail ) && isset( $detail['amount'] ) ? (float) $detail['amount'] : 0.0;
		}
		return $sum;
	}
}
