<?php
/**
 * A job as data for machines: REST, Abilities, WP-CLI and the privacy export tell the same. Reads only.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Sql;
use SmiBridge\Customer\Status_View;
use SmiBridge\Jobs\Allowed_Actions;
use SmiBridge\Jobs\Jobs_Query;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * No token and no download link is part of it: who may see a job need not be able to take its file.
 */
final class Job_View {

	/**
	 * A page of the list.
	 *
	 * @param array $params As in the catalogue.
	 * @return array `{jobs: items, total: int, pages: int}`
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function page( array $params ): array {
		$limit  = (int) ( $params['per_page'] ?? 20 );
		$offset = ( (int) ( $params['page'] ?? 1 ) - 1 ) * $limit;
		$found  = Jobs_Query::find( compact( 'limit', 'offset' ) + array_map( 'sanitize_text_field', array_intersect_key( $params, Jobs_Query::FILTERS ) ) );
		return array(
			'jobs'  => self::items( $found['rows'] ),
			'total' => $found['total'],
			'pages' => (int) ceil( $found['total'] / $limit ),
		);
	}

	/**
	 * Ledger rows as items; the shop is asked once.
	 *
	 * @param array[] $rows Ledger rows, at most some hundreds.
	 * @return array[] See the catalogue.
	 */
	public static function items( array $rows ): array {
		$jobs    = Shop::of_rows( $rows );
		$schemas = Catalogue::schema( 'job' )['properties'];
		$items   = array();
		foreach ( $rows as $row ) {
			$items[] = self::item( $row, $jobs[ $row['job_id'] ] ?? null, $schemas );
		}
		return $items;
	}

	/**
	 * One attempt of a job, with what the shop knows of the job: the fields of the schema, in its order.
	 *
	 * @param array      $row     A ledger row.
	 * @param array|null $job     The shop's job; null when the shop has deleted it.
	 * @param array[]    $schemas Field => JSON Schema.
	 */
	private static function item( array $row, ?array $job, array $schemas ): array {
		$found = array(
			'state_label' => Job_Labels::state( $row['state'] )[0],
			'past_due'    => Job_Labels::is_past_due( $row ),
			'title'       => $job ? Shop::title( $job ) : null,
			'email'       => (string) ( $job['email'] ?? '' ),
			'factor'      => (int) ( $job['factor'] ?? 0 ),
			'amount'      => $job['amount'] ?? null,
			'revoked'     => null !== $row['revoked_at'],
			'status_url'  => Status_View::link( $row['job_id'] ),
			'actions'     => array_values( Allowed_Actions::possible( $row ) ),
		);
		$item  = array();
		foreach ( $schemas as $name => $schema ) {
			$item[ $name ] = array_key_exists( $name, $found ) ? $found[ $name ] : self::column( $row[ $name ], $schema );
		}
		return $item;
	}

	/**
	 * A column of the ledger as its schema says.
	 *
	 * @param string|null $value  As the database has it.
	 * @param array       $schema JSON Schema.
	 * @return string|int|float|null
	 */
	private static function column( ?string $value, array $schema ) {
		$type = (array) $schema['type'];
		if ( null === $value ) {
			return null;
		}
		if ( 'date-time' === ( $schema['format'] ?? '' ) ) {
			return Sql::rfc3339( $value );
		}
		if ( in_array( 'number', $type, true ) ) {
			return (float) $value;
		}
		return in_array( 'integer', $type, true ) ? (int) $value : $value;
	}

	/**
	 * A job with all that is known of it: its newest attempt, the earlier ones, effects and history. Null: the ledger does not know it.
	 *
	 * @param string $job_id The shop's id.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function full( string $job_id ): ?array {
		$rows = Ledger::attempts( $job_id );
		if ( ! $rows ) {
			return null;
		}
		$items = self::items( $rows );
		return end( $items ) + array(
			'attempts' => array_map(
				static function ( $item ) {
					return array_intersect_key( $item, array_flip( array( 'attempt', 'state', 'reason', 'detail', 'created_at', 'updated_at', 'delivered_at', 'settled_at' ) ) );
				},
				$items
			),
			'effects'  => array_map( array( self::class, 'effect' ), Effects::of_job( $job_id ) ),
			'story'    => array_map( array( self::class, 'event' ), History::of_job( $job_id ) ),
		);
	}

	/** A row of the effects. @param array $row Row. */
	private static function effect( array $row ): array {
		return array(
			'effect'     => $row['effect'],
			'attempt'    => (int) $row['attempt'],
			'outcome'    => $row['outcome'] ?? ( Effects::is_unknown( $row ) ? 'unknown' : null ),
			'claimed_at' => Sql::rfc3339( $row['claimed_at'] ),
			'done_at'    => Sql::rfc3339( $row['done_at'] ),
		);
	}

	/** A row of the history. @param array $row Row. */
	private static function event( array $row ): array {
		return array(
			'at'      => Sql::rfc3339( $row['at'] ),
			'attempt' => (int) $row['attempt'],
			'event'   => $row['event'],
			'label'   => Job_Labels::event( $row['event'] ),
			'detail'  => $row['detail'] ? (object) $row['detail'] : new \stdClass(),
		);
	}
}
