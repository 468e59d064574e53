<?php
/**
 * A job as data for machines: REST, Abilities, WP-CLI and the privacy export tell the same. Reads only.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Sql;
use SmiBridge\Customer\Status_View;
use SmiBridge\Jobs\Allowed_Actions;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * No token and no download link is part of it: who may see a job need not be able to take its file.
 */
final class Job_View {

	/** Whether something is the id of a job, by its form. @param mixed $value Anything. */
	public static function is_id( $value ): bool {
		return is_string( $value ) && Job_Id::matches( $value );
	}

	/**
	 * Ledger rows as items; the shop is asked once.
	 *
	 * @param array[] $rows Ledger rows, at most some hundreds.
	 * @return array[] See Job_Schema::item().
	 */
	public static function items( array $rows ): array {
		$jobs  = Shop::jobs( array_column( $rows, 'job_id' ) );
		$posts = array_filter( array_map( 'intval', array_merge( array_column( $jobs, 'attachment_id' ), array_column( $jobs, 'post_id' ) ) ) );
		if ( count( $posts ) > 1 ) {
			_prime_post_caches( array_unique( $posts ), false, false ); // Titles.
		}
		$items = array();
		foreach ( $rows as $row ) {
			$items[] = self::item( $row, $jobs[ $row['job_id'] ] ?? null );
		}
		return $items;
	}

	/**
	 * One attempt of a job, with what the shop knows of the job.
	 *
	 * @param array      $row A ledger row.
	 * @param array|null $job The shop's job; null when the shop has deleted it.
	 */
	public static function item( array $row, ?array $job ): array {
		$number = static function ( $value ) {
			return null === $value ? null : (int) $value;
		};
		return array(
			'job_id'       => $row['job_id'],
			'attempt'      => (int) $row['attempt'],
			'state'        => $row['state'],
			'state_label'  => Job_Labels::state( $row['state'] )[0],
			'past_due'     => Job_Labels::is_past_due( $row ),
			'reason'       => $row['reason'],
			'detail'       => $row['detail'],
			'event'        => $row['event'],
			'title'        => $job ? Shop::title( $job ) : null,
			'email'        => (string) ( $job['email'] ?? '' ),
			'factor'       => (int) ( $job['factor'] ?? 0 ),
			'amount'       => $job['amount'] ?? null,
			'credits'      => null === $row['credits'] ? null : (float) $row['credits'],
			'upsampler_id' => $row['upsampler_id'],
			'width'        => $number( $row['width'] ),
			'height'       => $number( $row['height'] ),
			'bytes'        => $number( $row['bytes'] ),
			'format'       => $row['format'],
			'revoked'      => null !== $row['revoked_at'],
			'created_at'   => Sql::rfc3339( $row['created_at'] ),
			'updated_at'   => Sql::rfc3339( $row['updated_at'] ),
			'next_try_at'  => Sql::rfc3339( $row['next_try_at'] ),
			'deadline_at'  => Sql::rfc3339( $row['deadline_at'] ),
			'delivered_at' => Sql::rfc3339( $row['delivered_at'] ),
			'downloaded_at' => Sql::rfc3339( $row['downloaded_at'] ),
			'expires_at'   => Sql::rfc3339( $row['expires_at'] ),
			'settled_at'   => Sql::rfc3339( $row['settled_at'] ),
			'status_url'   => Status_View::link( $row['job_id'] ),
			'actions'      => array_values( Allowed_Actions::possible( $row ) ),
		);
	}

	/**
	 * A job with all that is known of it: its newest attempt, the earlier ones, effects and story. Null: the ledger does not know it.
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

	/** A row of the story. @param array $row Row. */
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
