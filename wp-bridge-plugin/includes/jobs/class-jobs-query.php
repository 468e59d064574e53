<?php
/**
 * Finds jobs in the ledger for lists: by view, words, dates. Reads only.
 *
 * Made for 100,000 jobs: counts come from an index alone, a page touches only its own rows, and the far half of a long list is read
 * from its end.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Reasons;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Shop\Job_Search;

defined( 'ABSPATH' ) || exit;

/**
 * A job is shown by its newest attempt. Words and dates come from outside and may be anything: what fits nothing finds nothing.
 */
final class Jobs_Query {

	/** Characters from which on words may be the beginning of a job's id. */
	const ID_BEGINS = 4;

	/** What find() looks for, beside limit and offset, and where nothing is asked. */
	const FILTERS = array(
		'view'   => 'all',
		'search' => '',
		'from'   => '',
		'to'     => '',
		'order'  => 'desc',
	);

	/** Views that are one state or several: name => states. The others are said in condition(). */
	private static function states(): array {
		return array(
			'working'   => States::where_settled( false ),
			'review'    => array( 'review' ),
			'refunded'  => array( 'refunded' ),
			'delivered' => array( 'delivered' ),
		);
	}

	/** Views in their order: name => label. */
	public static function views(): array {
		return Schemas::words( 'history', 'views' );
	}

	/**
	 * Jobs in each view.
	 *
	 * @return int[] View => number.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function counts(): array {
		$states = array_fill_keys( array_keys( States::all() ), 0 );
		foreach ( Sql::rows( 'SELECT state, COUNT(*) AS number FROM ' . Sql::table( 'ledger' ) . ' GROUP BY state' ) as $row ) {
			$states[ $row['state'] ] = (int) $row['number'];
		}
		foreach ( Sql::rows( 'SELECT l.state, COUNT(*) AS number' . self::replaced() . ' GROUP BY l.state' ) as $row ) {
			$states[ $row['state'] ] -= (int) $row['number'];
		}
		$counts = array( 'all' => array_sum( $states ) );
		foreach ( self::states() as $view => $names ) {
			$counts[ $view ] = array_sum( array_intersect_key( $states, array_flip( $names ) ) );
		}
		foreach ( array( 'past_due', 'failed' ) as $view ) {
			$counts[ $view ] = self::count( $view );
		}
		return array_merge( array_fill_keys( array_keys( self::views() ), 0 ), $counts );
	}

	/**
	 * Jobs in one small view.
	 *
	 * @param string $view past_due, review or failed: what an index finds at once.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function count( string $view ): int {
		return self::count_where( self::condition( $view ) );
	}

	/**
	 * One page of jobs.
	 *
	 * @param array $wanted `view`, `search`, `from`, `to` (dates in site time, YYYY-MM-DD), `order` ('asc' or 'desc' by age), `limit`, `offset`.
	 * @return array `{rows: ledger rows, total: int}`
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function find( array $wanted ): array {
		$wanted += self::FILTERS + array(
			'limit'  => 20,
			'offset' => 0,
		);
		$view    = array_key_exists( $wanted['view'], self::views() ) ? $wanted['view'] : 'all';
		$tests   = array( self::condition( $view ), self::dates( (string) $wanted['from'], (string) $wanted['to'] ), self::words( trim( (string) $wanted['search'] ) ) );
		$where   = implode( ' AND ', array_filter( $tests ) );
		$where   = '' === $where ? '1 = 1' : $where;
		$is_plain = '' === $tests[1] && '' === $tests[2];
		$total   = $is_plain ? self::counts()[ $view ] : self::count_where( $where );
		return array(
			'rows'  => self::page( $where, 'asc' === strtolower( (string) $wanted['order'] ), $total, max( 0, (int) $wanted['offset'] ), max( 1, min( 1000, (int) $wanted['limit'] ) ) ),
			'total' => $total,
		);
	}

	/**
	 * Rows of a page, read from the end of the list that is nearer.
	 *
	 * @param string $where     Tests.
	 * @param bool   $ascending Oldest first.
	 * @param int    $total     Rows in all.
	 * @param int    $offset    Rows before.
	 * @param int    $limit     Rows wanted.
	 */
	private static function page( string $where, bool $ascending, int $total, int $offset, int $limit ): array {
		if ( $offset >= $total ) {
			return array();
		}
		$limit    = min( $limit, $total - $offset );
		$backward = $offset > $total / 2;
		if ( $backward ) {
			$offset = $total - $offset - $limit;
		}
		$order  = $ascending === $backward ? 'DESC' : 'ASC';
		$ledger = Sql::table( 'ledger' );
		// Ids first, rows by id then: long columns are read for this page only.
		$ids  = array_column( Sql::rows( "SELECT l.id FROM $ledger l WHERE " . self::newest() . " AND $where ORDER BY l.id $order LIMIT %d OFFSET %d", array( $limit, $offset ) ), 'id' );
		$rows = $ids ? array_column( Sql::rows( "SELECT * FROM $ledger WHERE id IN (" . implode( ',', array_map( 'intval', $ids ) ) . ')' ), null, 'id' ) : array();
		$page = array();
		foreach ( $backward ? array_reverse( $ids ) : $ids as $id ) {
			if ( isset( $rows[ $id ] ) ) {
				$page[] = $rows[ $id ];
			}
		}
		return $page;
	}

	/** Jobs that pass tests: all attempts, less those that a newer one has replaced. @param string $where Tests. */
	private static function count_where( string $where ): int {
		$all = Sql::row( 'SELECT COUNT(*) AS number FROM ' . Sql::table( 'ledger' ) . " l WHERE $where" );
		$old = Sql::row( 'SELECT COUNT(*) AS number' . self::replaced() . " AND $where" );
		return (int) $all['number'] - (int) $old['number'];
	}

	/** FROM and WHERE of attempts `l` that a newer one `n` has replaced: few, and found from the newer ones. */
	private static function replaced(): string {
		$ledger = Sql::table( 'ledger' );
		return " FROM $ledger n JOIN $ledger l ON l.job_id = n.job_id AND l.attempt = n.attempt - 1 WHERE n.attempt > 1";
	}

	/** Only the newest attempt of a job. */
	private static function newest(): string {
		return 'l.id NOT IN (SELECT o.id' . str_replace( array( ' l ', 'l.' ), array( ' o ', 'o.' ), self::replaced() ) . ')';
	}

	/** What a view holds, as SQL over `l`; '' for all. @param string $view See views(). */
	private static function condition( string $view ): string {
		$states = self::states();
		if ( isset( $states[ $view ] ) ) {
			return 'l.state IN ' . Sql::in( $states[ $view ] );
		}
		if ( 'past_due' === $view ) {
			$now = time();
			return 'l.state IN ' . Sql::in( $states['working'] ) . ' AND l.updated_at < ' . Sql::value( Sql::utc( $now - Time_Limits::PAST_DUE ) )
				. ' AND (l.next_try_at IS NULL OR l.next_try_at < ' . Sql::value( Sql::utc( $now ) ) . ')';
		}
		if ( 'failed' === $view ) {
			return "l.state = 'review' AND l.reason = " . Sql::value( Reasons::REFUND_DUE );
		}
		return '';
	}

	/**
	 * Paid between two days of the site's calendar, both included.
	 *
	 * @param string $from YYYY-MM-DD or ''.
	 * @param string $to   YYYY-MM-DD or ''.
	 */
	private static function dates( string $from, string $to ): string {
		$tests = array();
		foreach ( array( array( $from, '' ), array( $to, ' +1 day' ) ) as $end ) {
			$day = preg_match( '/^\d{4}-\d{2}-\d{2}$/', $end[0] ) ? date_create_immutable( $end[0] . $end[1], wp_timezone() ) : false;
			if ( $day ) {
				$tests[] = ( '' === $end[1] ? 'l.created_at >= ' : 'l.created_at < ' ) . Sql::value( Sql::utc( $day->getTimestamp() ) );
			}
		}
		return implode( ' AND ', $tests );
	}

	/**
	 * Words: the beginning of a job's id, Upsampler's id, or what the shop finds (e-mail, post).
	 *
	 * A beginning shorter than ID_BEGINS is none: "8" asks for the picture 8, not for a sixteenth of all jobs.
	 *
	 * @param string $search Words; '' for none.
	 */
	private static function words( string $search ): string {
		if ( '' === $search ) {
			return '';
		}
		$tests = array( 'l.upsampler_id = ' . Sql::value( $search ) );
		if ( strlen( $search ) >= self::ID_BEGINS ) {
			$tests[] = 'l.job_id LIKE ' . Sql::value( $GLOBALS['wpdb']->esc_like( $search ) . '%' );
		}
		$found = Job_Search::ids( $search );
		if ( $found ) {
			$tests[] = 'l.job_id IN ' . Sql::in( $found );
		}
		return '(' . implode( ' OR ', $tests ) . ')';
	}
}
