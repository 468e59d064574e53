<?php
/**
 * The shop "Sell My Images" (1.2 to 1.7): the only file that knows its table. Writes the row directly, because the shop's own
 * code calls `failed` an end for ever and `refunded` no status at all.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * Columns differ between versions: looked up before the first write, and only those that exist are written.
 * Times are site time, except `download_expires_at`, which is UTC.
 */
final class Sell_My_Images implements Shop_Adapter {

	/** Table name without prefix. */
	const TABLE = 'smi_jobs';

	/** Remembers the columns (autoloaded, so that looking costs no query) until the shop's version changes or an hour has passed. */
	const COLUMNS = 'smi_bridge_shop_columns';

	/** The option as it was read in this request, by table: WordPress unserializes it anew each time. @var array[] */
	private static $columns = array();

	/** Reads a job that may be known already: id in, job or null out. @var callable|null */
	private $known;

	/**
	 * The adapter.
	 *
	 * @param callable|null $known Saves the query for a job's status before a write.
	 */
	public function __construct( ?callable $known = null ) {
		$this->known = $known;
	}

	/** See Shop_Adapter. */
	public function shop_name(): ?string {
		return self::columns() ? 'Sell My Images' . ( defined( 'SMI_VERSION' ) ? ' ' . SMI_VERSION : '' ) : null;
	}

	/** See Shop_Adapter. @param string[] $job_ids Ids. */
	public function read_jobs( array $job_ids ): array {
		$jobs = array();
		foreach ( Sql::rows( "SELECT * FROM {$this->table()} WHERE job_id IN " . Sql::in( $job_ids ) ) as $row ) {
			$jobs[ $row['job_id'] ] = array(
				'row_id'        => (int) ( $row['id'] ?? 0 ),
				'paid'          => 'paid' === $row['payment_status'],
				'status'        => (string) $row['status'],
				'email'         => (string) ( $row['email'] ?? '' ),
				'factor'        => preg_match( '/^([0-9]{1,4})x$/i', trim( (string) $row['resolution'] ), $found ) ? (int) $found[1] : 0,
				'source'        => Source_Place::of( $row ),
				'width'         => $row['image_width'] ?? null,
				'height'        => $row['image_height'] ?? null,
				'amount'        => $row['amount_charged'] ?? null,
				'payment_id'    => (string) ( $row['stripe_payment_intent_id'] ?? '' ),
				'paid_at'       => self::unix( $row['paid_at'] ?? $row['created_at'] ?? null ),
				'upsampler_id'  => (string) ( $row['upsampler_job_id'] ?? '' ),
				'payment_session' => (string) ( $row['stripe_checkout_session_id'] ?? '' ),
				'attachment_id' => (int) ( $row['attachment_id'] ?? 0 ),
				'post_id'       => (int) ( $row['post_id'] ?? 0 ),
			);
		}
		return $jobs;
	}

	/** See Shop_Adapter. @param int $since Unix seconds. @param int $limit At most so many. @param int $offset How many were told before. */
	public function paid_jobs( int $since, int $limit, int $offset ): array {
		$sql = "SELECT job_id FROM {$this->table()} WHERE payment_status = 'paid'
			AND status IN ('awaiting_payment', 'pending', 'processing', 'abandoned') AND COALESCE(paid_at, created_at) >= %s ORDER BY id LIMIT %d OFFSET %d";
		return array_column( Sql::rows( $sql, array( wp_date( 'Y-m-d H:i:s', $since ), $limit, $offset ) ), 'job_id' );
	}

	/**
	 * See Shop_Adapter. Of the newest rows: the shop has no index of their time, which is site time or, where the shop has left it to
	 * the database, the database's.
	 *
	 * @param int $since Unix seconds.
	 */
	public function has_open_checkout( int $since ): bool {
		$sql = "SELECT 1 FROM (SELECT status, payment_status, created_at FROM {$this->table()} ORDER BY id DESC LIMIT 50) newest
			WHERE status IN ('awaiting_payment', 'pending') AND payment_status NOT IN ('paid', 'refunded')
			AND ( created_at BETWEEN %s AND %s OR created_at BETWEEN NOW() - INTERVAL %d SECOND AND NOW() ) LIMIT 1";
		return (bool) Sql::row( $sql, array( wp_date( 'Y-m-d H:i:s', $since ), wp_date( 'Y-m-d H:i:s' ), time() - $since ) );
	}

	/** See Shop_Adapter. @param array $job A job. */
	public function title( array $job ): ?string {
		foreach ( array( 'attachment_id', 'post_id' ) as $field ) {
			// As it was typed: filters of `the_title` dress it for web pages, and cost as much as all the rest of a record.
			$title = empty( $job[ $field ] ) ? '' : (string) get_post_field( 'post_title', (int) $job[ $field ], 'raw' );
			if ( '' !== $title ) {
				return $title;
			}
		}
		return null;
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param string $status The shop's word. @param array $facts Facts. */
	public function write_progress( string $job_id, string $status, array $facts ): ?array {
		$set = self::of_upsampler( $facts );
		if ( ! empty( $facts['started'] ) ) {
			$set['processing_started_at'] = current_time( 'mysql' );
		}
		if ( ! empty( $facts['restarted'] ) ) {
			$set['failed_at'] = null;
		}
		return $this->write( $job_id, $status, $set );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param array $facts Facts. */
	public function write_delivery( string $job_id, array $facts ): ?array {
		$set = array(
			'upscaled_file_path'  => $facts['file'],
			'download_token'      => $facts['shop_token'],
			'download_expires_at' => gmdate( 'Y-m-d H:i:s', $facts['expires_at'] ),
			'completed_at'        => current_time( 'mysql' ),
			'failed_at'           => null,
		);
		return $this->write( $job_id, 'completed', $set + self::of_upsampler( $facts ) );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param bool $sent Whether it was accepted. */
	public function write_mailed( string $job_id, bool $sent ) {
		return $this->write( $job_id, null, array( 'email_sent' => (int) $sent ) );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. */
	public function write_revoked( string $job_id ) {
		return $this->write( $job_id, null, array( 'download_token' => null ) );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param array $facts Facts. */
	public function write_refund( string $job_id, array $facts ): ?array {
		$now = current_time( 'mysql' );
		return $this->write(
			$job_id,
			'failed',
			array(
				'payment_status' => 'refunded',
				'failed_at'      => $now,
				'refunded_at'    => $now,
				'refund_amount'  => $facts['amount'],
				'refund_reason'  => $facts['reason'],
				'download_token' => null,
			)
		);
	}

	/** See Shop_Adapter. @param string $email E-mail address. */
	public function jobs_of( string $email ): array {
		return '' === $email ? array() : array_column( Sql::rows( "SELECT job_id FROM {$this->table()} WHERE email = %s ORDER BY id LIMIT 10000", array( $email ) ), 'job_id' );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. */
	public function write_erased( string $job_id ) {
		$row = Sql::row( "SELECT * FROM {$this->table()} WHERE job_id = %s", array( $job_id ) );
		if ( ! $row ) {
			return null;
		}
		$set = array(
			'email'          => '',
			'download_token' => null,
		);
		if ( 'upload' === ( $row['source_type'] ?? '' ) ) { // The customer's own picture: source and result go.
			$base  = wp_get_upload_dir()['basedir'];
			$place = Source_Place::of( $row );
			$files = array( null === $place['path'] ? '' : $base . '/' . $place['path'], (string) ( $row['upscaled_file_path'] ?? '' ) );
			foreach ( array_filter( $files ) as $file ) {
				wp_delete_file_from_directory( $file, $base );
			}
			$set += array(
				'image_url'          => '',
				'upload_file_path'   => null,
				'upscaled_file_path' => null,
			);
		}
		return $this->write( $job_id, null, $set );
	}

	/** See Shop_Adapter. @param array $job A job. @param string $reason For the payment provider. */
	public function refund( array $job, string $reason ) {
		return Stripe_Refund::create( $job, $reason );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param string $shop_token 64 hex digits. */
	public function download_url( string $job_id, string $shop_token ): ?string {
		return rest_url( 'smi/v1/download/' . $shop_token );
	}

	/**
	 * The job that a payment paid for, or null.
	 *
	 * @param string $payment Stripe's payment intent.
	 */
	public function job_of_payment( string $payment ): ?string {
		if ( null === $this->shop_name() ) {
			return null;
		}
		return Sql::row( "SELECT job_id FROM {$this->table()} WHERE stripe_payment_intent_id = %s LIMIT 1", array( $payment ) )['job_id'] ?? null;
	}

	/**
	 * The job whose file a token of the shop's download route opens, or null.
	 *
	 * @param string $shop_token As written with the delivery.
	 */
	public function job_of_token( string $shop_token ): ?string {
		return null === $this->shop_name() ? null : Sql::row( "SELECT job_id FROM {$this->table()} WHERE download_token = %s LIMIT 1", array( $shop_token ) )['job_id'] ?? null;
	}

	/**
	 * Writes columns that exist, and the status by compare-and-set, so that a change is told once.
	 *
	 * @param string      $job_id The shop's id.
	 * @param string|null $status The shop's word; null leaves it.
	 * @param array       $set    Column => value.
	 */
	private function write( string $job_id, ?string $status, array $set ): ?array {
		$set = array_intersect_key( $set, array_flip( self::columns() ) );
		$job = null === $status && ! Sql::is_gathering() ? null : $this->known( $job_id );
		$old = null === $status ? null : $job['status'] ?? null;
		$id  = Sql::is_gathering() ? $job['row_id'] ?? 0 : 0;
		if ( $id && null !== $old && $old !== $status ) {
			// Taken for done: if the status is not the one that was read, all is undone, and written anew one by one.
			if ( Sql::change( $this->table(), $id, array( 'status' => $status ) + $set, array( 'status' => $old ) ) ) {
				return array(
					'old' => $old,
					'new' => $status,
				);
			}
		} elseif ( $id ) {
			if ( $set ) {
				Sql::change( $this->table(), $id, $set );
			}
			return null;
		}
		for ( $try = 0; null !== $old && $old !== $status && $try < 3; $try++ ) {
			$where = array(
				'job_id' => $job_id,
				'status' => $old,
			);
			if ( Sql::update( $this->table(), array( 'status' => $status ) + $set, $where ) ) {
				return array(
					'old' => $old,
					'new' => $status,
				);
			}
			// Somebody else changed it in between. A locking read sees what he wrote, also inside a transaction that began before.
			$old = Sql::row( "SELECT status FROM {$this->table()} WHERE job_id = %s FOR UPDATE", array( $job_id ) )['status'] ?? null;
		}
		if ( $set ) {
			Sql::update( $this->table(), $set, array( 'job_id' => $job_id ) );
		}
		return null;
	}

	/** Columns of what Upsampler has said. @param array $facts Facts of a write. */
	private static function of_upsampler( array $facts ): array {
		$set = array();
		if ( ! empty( $facts['upsampler_id'] ) ) {
			$set['upsampler_job_id'] = $facts['upsampler_id'];
		}
		if ( isset( $facts['credits'] ) ) {
			$set['credits_used'] = (int) round( $facts['credits'] );
		}
		return $set;
	}

	/** A job as it was read last; null: there is no such job. @param string $job_id The shop's id. */
	private function known( string $job_id ): ?array {
		return $this->known ? call_user_func( $this->known, $job_id ) : $this->read_jobs( array( $job_id ) )[ $job_id ] ?? null;
	}

	/** The table's full name. */
	private static function table(): string {
		return $GLOBALS['wpdb']->prefix . self::TABLE;
	}

	/** Names of the table's columns; empty when there is no such table. @return string[] */
	public static function columns(): array {
		$table   = self::table();
		$version = defined( 'SMI_VERSION' ) ? (string) SMI_VERSION : '';
		$known   = self::$columns[ $table ] ?? get_option( self::COLUMNS );
		if ( ! is_array( $known ) || $known['table'] !== $table || $known['version'] !== $version
			|| $known['at'] <= time() - ( $known['columns'] ? HOUR_IN_SECONDS : MINUTE_IN_SECONDS ) ) {
			$known = array(
				'table'   => $table,
				'version' => $version,
				'columns' => self::read_columns( $table ),
				'at'      => time(),
			);
			update_option( self::COLUMNS, $known, true );
		}
		self::$columns[ $table ] = $known;
		return $known['columns'];
	}

	/**
	 * Asks the database for the columns of a table.
	 *
	 * @param string $table Full name.
	 * @return string[] Empty: there is no such table.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses: that is no site without a shop.
	 */
	private static function read_columns( string $table ): array {
		$is_there = Sql::row( 'SHOW TABLES LIKE %s', array( $GLOBALS['wpdb']->esc_like( $table ) ) );
		return $is_there ? array_column( Sql::rows( "DESCRIBE $table" ), 'Field' ) : array();
	}

	/**
	 * Site time as Unix seconds; 0 if there is none.
	 *
	 * @param string|null $datetime Site time.
	 */
	private static function unix( ?string $datetime ): int {
		$time = $datetime ? date_create_immutable( $datetime, wp_timezone() ) : false;
		return $time ? max( 0, $time->getTimestamp() ) : 0;
	}
}
