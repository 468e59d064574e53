<?php
/**
 * Commands that only read: list, status, show. Prints what all commands found, in the format that was asked for.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Cli;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Site;
use SmiBridge\Core\Staging_Lock;
use SmiBridge\Interfaces\Job_View;
use SmiBridge\Jobs\Jobs_Query;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * Each method gets positional and named arguments, checked by WP-CLI against the synopsis. What came from outside is printed without
 * control characters. Changes nothing.
 */
final class Cli_Reports {

	/** Rows that are read at once. */
	const PAGE = 200;

	/** `list`. @param string[] $positional None. @param array $named Options. */
	public static function jobs( array $positional, array $named ): void {
		if ( 'count' === ( $named['format'] ?? '' ) ) {
			\WP_CLI::line( (string) self::find( $named, 1, 0 )['total'] ); // Of all, whatever --limit says.
			return;
		}
		$limit  = max( 0, (int) ( $named['limit'] ?? 50 ) );
		$items  = array();
		$offset = max( 0, (int) ( $named['offset'] ?? 0 ) );
		do {
			$page   = $limit ? min( self::PAGE, $limit - count( $items ) ) : self::PAGE;
			$rows   = self::find( $named, $page, $offset )['rows'];
			$items  = array_merge( $items, 'ids' === ( $named['format'] ?? '' ) ? $rows : Job_View::items( $rows ) );
			$offset = $offset + count( $rows );
		} while ( count( $rows ) === $page && ( ! $limit || count( $items ) < $limit ) );
		self::items( $items, array( 'job_id', 'state', 'attempt', 'past_due', 'reason', 'title', 'email', 'created_at', 'updated_at' ), $named );
	}

	/**
	 * Jobs as the options name them.
	 *
	 * @param array $named  view, search, from, to, order.
	 * @param int   $limit  At most so many.
	 * @param int   $offset Leave out so many.
	 */
	public static function find( array $named, int $limit, int $offset ): array {
		foreach ( array( 'from', 'to' ) as $day ) {
			if ( isset( $named[ $day ] ) && ! preg_match( '/^\d{4}-\d{2}-\d{2}\z/', (string) $named[ $day ] ) ) {
				\WP_CLI::error( sprintf( '--%s must be a day like 2026-11-22.', $day ) );
			}
		}
		return Jobs_Query::find( array_intersect_key( $named, Jobs_Query::FILTERS ) + compact( 'limit', 'offset' ) );
	}

	/** `status`. @param string[] $positional None. @param array $named Options. */
	public static function status( array $positional, array $named ): void {
		$health = Sidecar_Report::inspect( 0 );
		$status = $health['status'] ?? array();
		$facts  = array(
			'version'     => SMI_BRIDGE_VERSION,
			'site'        => Site::identity(),
			'shop'        => Shop::name(),
			'sidecar_url' => Settings::is_pulled() ? Settings::NO_ADDRESS : Settings::sidecar_url(),
			'public_url'  => Settings::public_url(),
			'configured'  => Settings::is_configured(),
			'connected'   => Settings::is_connected(),
			'paused'      => Staging_Lock::is_copy() ? 'copy' : ( Settings::is_paused() ? 'admin' : false ),
			'handler'     => Compat::handler_status(),
			'sidecar'     => $health['at'] ? ( $health['ok'] ? 'ok' : $health['code'] ) : 'never asked',
		);
		foreach ( array( 'version', 'workers', 'scheduler' ) as $name ) {
			$facts[ 'sidecar_' . $name ] = $status[ $name ] ?? null;
		}
		foreach ( array( 'queues', 'ready_seconds', 'job_seconds', 'held', 'jobs' ) as $name ) {
			$facts[ 'sidecar_' . $name ] = (object) (array) ( $status[ $name ] ?? array() );
		}
		foreach ( Jobs_Query::counts() as $view => $number ) {
			$facts[ 'jobs_' . $view ] = $number;
		}
		self::facts( $facts, $named );
	}

	/** `show`. @param string[] $positional The job. @param array $named Options. */
	public static function show( array $positional, array $named ): void {
		$job = Job_Id::matches( $positional[0] ) ? Job_View::full( $positional[0] ) : null;
		if ( ! $job ) {
			\WP_CLI::error( sprintf( 'The ledger does not know %s.', self::line( $positional[0] ) ) );
		}
		$format = (string) ( $named['format'] ?? 'table' );
		if ( 'table' !== $format ) {
			\WP_CLI::print_value( json_decode( wp_json_encode( $job ), true ), array( 'format' => $format ) );
			return;
		}
		self::facts( array_diff_key( $job, array_flip( array( 'attempts', 'effects', 'story' ) ) ), $named );
		self::items( $job['attempts'], array( 'attempt', 'state', 'reason', 'detail', 'created_at', 'delivered_at', 'settled_at' ), array() );
		if ( $job['effects'] ) {
			self::items( $job['effects'], array( 'attempt', 'effect', 'outcome', 'claimed_at', 'done_at' ), array() );
		}
		if ( $job['story'] ) {
			self::items( $job['story'], array( 'at', 'attempt', 'event', 'detail' ), array() );
		}
	}

	/**
	 * Prints name and value; as one object where the format has objects.
	 *
	 * @param array $facts Name => value.
	 * @param array $named Options.
	 */
	private static function facts( array $facts, array $named ): void {
		$format = (string) ( $named['format'] ?? 'table' );
		if ( 'json' === $format || 'yaml' === $format ) {
			\WP_CLI::print_value( 'yaml' === $format ? json_decode( wp_json_encode( $facts ), true ) : $facts, array( 'format' => $format ) );
			return;
		}
		$items = array();
		foreach ( self::as_text( $facts ) as $name => $value ) {
			$items[] = compact( 'name', 'value' );
		}
		self::items( $items, array( 'name', 'value' ), array( 'format' => $format ) );
	}

	/**
	 * Prints items.
	 *
	 * @param array[]  $items  Rows.
	 * @param string[] $fields Columns.
	 * @param array    $named  The command's options: `format`, `fields`.
	 */
	public static function items( array $items, array $fields, array $named ): void {
		$format = (string) ( $named['format'] ?? 'table' );
		if ( 'ids' === $format ) {
			\WP_CLI::line( implode( ' ', array_column( $items, 'job_id' ) ) );
			return;
		}
		if ( 'count' === $format ) {
			\WP_CLI::line( (string) count( $items ) );
			return;
		}
		$is_text = in_array( $format, array( 'table', 'csv' ), true );
		\WP_CLI\Utils\format_items( $format, $is_text ? array_map( array( self::class, 'as_text' ), $items ) : $items, self::fields( $fields, $named, $items ) );
		if ( 'json' === $format ) {
			\WP_CLI::line();
		}
	}

	/**
	 * Columns: those that the user wants, if they exist.
	 *
	 * @param string[] $usual Columns.
	 * @param array    $named Options.
	 * @param array[]  $items Rows.
	 */
	private static function fields( array $usual, array $named, array $items ): array {
		if ( empty( $named['fields'] ) ) {
			return $usual;
		}
		$wanted = array_map( 'trim', explode( ',', (string) $named['fields'] ) );
		$known  = $items ? array_keys( $items[0] ) : $wanted;
		$wrong  = array_diff( $wanted, $known );
		if ( $wrong ) {
			\WP_CLI::error( sprintf( 'There is no field %s. There are: %s.', self::line( implode( ', ', $wrong ) ), implode( ', ', $known ) ) );
		}
		return $wanted;
	}

	/** A row whose values are lines of text. @param array $item Row. */
	public static function as_text( array $item ): array {
		return array_map(
			static function ( $value ) {
				if ( is_bool( $value ) ) {
					return $value ? 'yes' : 'no';
				}
				return self::line( is_scalar( $value ) || null === $value ? (string) $value : wp_json_encode( $value ) );
			},
			$item
		);
	}

	/** Text without control characters: what came from outside must not steer the terminal. @param string $text Any bytes. */
	public static function line( string $text ): string {
		return (string) preg_replace( '/[\x00-\x1f\x7f]+|\xc2[\x80-\x9f]/', ' ', $text );
	}
}
