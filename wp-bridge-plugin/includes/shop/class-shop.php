<?php
/**
 * The shop, as the rest of the bridge sees it: each question first goes to a filter, then to the adapter of Sell My Images.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

use SmiBridge\Core\Sql;
use SmiBridge\Core\States;

defined( 'ABSPATH' ) || exit;

/**
 * Another shop answers by returning something other than null from `smi_bridge_<method>` (Shop_Adapter tells what), for its own jobs.
 */
final class Shop {

	/** Where delivered files lie, relative to the uploads folder. */
	const FOLDER = 'smi-downloads';

	/** Jobs that were read in this request. @var array[] */
	private static $known = array();

	/** Set where another shop answers the filters: it may do so only when WordPress is loaded. */
	const OTHER = 'smi_bridge_other_shop';

	/** Whether another shop than Sell My Images answers, as far as is known so early in a request. */
	public static function is_another(): bool {
		return has_filter( 'smi_bridge_read_jobs' ) || ! empty( wp_load_alloptions()[ self::OTHER ] );
	}

	/** Remembers, for the next request's beginning, who answers. Costs nothing where nothing changes. */
	public static function learn_who_answers(): void {
		$is_other = has_filter( 'smi_bridge_read_jobs' );
		if ( did_action( 'wp_loaded' ) && (bool) $is_other === empty( wp_load_alloptions()[ self::OTHER ] ) ) {
			update_option( self::OTHER, $is_other ? '1' : '' );
		}
	}

	/** The shop's name, or null: there is none. */
	public static function name(): ?string {
		return self::ask( 'shop_name', null );
	}

	/**
	 * A job, or null: the shop does not know it.
	 *
	 * @param string $job_id The shop's id.
	 * @return array|null In the form that Shop_Adapter tells.
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function job( string $job_id ): ?array {
		return self::jobs( array( $job_id ) )[ $job_id ] ?? null;
	}

	/**
	 * Jobs by id. Read once in a request, and again after we wrote.
	 *
	 * @param string[] $job_ids Ids.
	 * @return array[] Job id => job.
	 */
	public static function jobs( array $job_ids ): array {
		$wanted = array_diff( $job_ids, array_keys( self::$known ) );
		if ( $wanted ) {
			$found = (array) apply_filters( 'smi_bridge_read_jobs', null, $wanted );
			$rest  = array_diff( $wanted, array_keys( $found ) );
			if ( $rest && self::adapter() ) {
				$found += self::adapter()->read_jobs( array_values( $rest ) );
			}
			foreach ( $found as $job_id => $job ) {
				self::$known[ $job_id ] = self::complete( (string) $job_id, (array) $job );
			}
		}
		return array_intersect_key( self::$known, array_flip( $job_ids ) );
	}

	/** Forgets what was read, so that the next question sees the database. @param string|null $job_id One job, or all. */
	public static function forget( ?string $job_id = null ): void {
		if ( null === $job_id ) {
			self::$known = array();
		} else {
			unset( self::$known[ $job_id ] );
		}
	}

	/**
	 * Ids of paid jobs that the shop has not finished.
	 *
	 * @param int $since  Unix seconds.
	 * @param int $limit  At most so many.
	 * @param int $offset How many were told before.
	 * @return string[]
	 */
	public static function paid_jobs( int $since, int $limit, int $offset = 0 ): array {
		return array_map( 'strval', (array) self::ask( 'paid_jobs', array(), $since, $limit, $offset ) );
	}

	/** See Shop_Adapter. @param int $since Unix seconds. */
	public static function has_open_checkout( int $since ): bool {
		return (bool) self::ask( 'has_open_checkout', false, $since );
	}

	/** What was bought, in words: plain text of at most 200 characters, or null. @param array $job A job. */
	public static function title( array $job ): ?string {
		$title = trim( wp_strip_all_tags( html_entity_decode( (string) self::ask( 'title', null, $job ), ENT_QUOTES | ENT_HTML5, 'UTF-8' ) ) );
		return '' === $title ? null : mb_substr( $title, 0, 200 );
	}

	/** The jobs of ledger rows, and the posts that their titles come from: two queries. @param array[] $rows Rows. @return array[] Job id => job. */
	public static function of_rows( array $rows ): array {
		$jobs  = self::jobs( array_column( $rows, 'job_id' ) );
		$posts = array_filter( array_merge( array_column( $jobs, 'attachment_id' ), array_column( $jobs, 'post_id' ) ) );
		if ( count( $posts ) > 1 ) {
			_prime_post_caches( array_unique( array_map( 'intval', $posts ) ), false, false );
		}
		return $jobs;
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param string $status The shop's word. @param array $facts Facts. */
	public static function write_progress( string $job_id, string $status, array $facts = array() ): ?array {
		return self::write( 'write_progress', $job_id, $status, $facts );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param array $facts Facts. */
	public static function write_delivery( string $job_id, array $facts ): ?array {
		return self::write( 'write_delivery', $job_id, $facts );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param bool $sent Whether it was accepted. */
	public static function write_mailed( string $job_id, bool $sent ): void {
		self::write( 'write_mailed', $job_id, $sent );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. */
	public static function write_revoked( string $job_id ): void {
		self::write( 'write_revoked', $job_id );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. @param array $facts Facts. */
	public static function write_refund( string $job_id, array $facts ): ?array {
		return self::write( 'write_refund', $job_id, $facts );
	}

	/**
	 * Ids of a customer's jobs, paid or not, oldest first.
	 *
	 * @param string $email E-mail address.
	 * @return string[]
	 */
	public static function jobs_of( string $email ): array {
		return array_values( array_unique( array_map( 'strval', (array) self::ask( 'jobs_of', array(), $email ) ) ) );
	}

	/** See Shop_Adapter. @param string $job_id The shop's id. */
	public static function write_erased( string $job_id ): void {
		self::write( 'write_erased', $job_id );
		self::forget( $job_id );
	}

	/**
	 * Gives the money back: use Refund, which sees to it that this is called once.
	 *
	 * @param array  $job    A job.
	 * @param string $reason For the payment provider.
	 * @return array|\WP_Error
	 */
	public static function refund( array $job, string $reason ) {
		return self::ask( 'refund', new \WP_Error( 'no_shop', 'There is no shop that could refund.' ), $job, $reason );
	}

	/** Where finished files lie. Their names in the ledger are relative to it. */
	public static function folder(): string {
		return wp_get_upload_dir()['basedir'] . '/' . self::FOLDER;
	}

	/** What a job has cost, in the shop's currency; null where the shop does not know. @param string $job_id The shop's id. */
	public static function amount( string $job_id ): ?float {
		return self::job( $job_id )['amount'] ?? null;
	}

	/**
	 * The customer's download link: the sidecar's if it is public, else ours where the file lies here, else the shop's own route; null
	 * if none is there.
	 *
	 * @param array $row A delivered ledger row.
	 */
	public static function download_url( array $row ): ?string {
		if ( null === $row['token'] || null !== $row['revoked_at'] ) {
			return null;
		}
		if ( null !== $row['download_url'] ) {
			return $row['download_url'];
		}
		if ( is_file( self::folder() . '/' . $row['path'] ) ) {
			return home_url( '/?smi-bridge=download&job=' . rawurlencode( $row['job_id'] ) . '&token=' . rawurlencode( $row['token'] ) ); // Download_Route.
		}
		return self::ask( 'download_url', null, $row['job_id'], self::shop_token( $row['token'] ) );
	}

	/**
	 * The token of the shop's own download route. The shop wants 64 letters and digits; ours is longer and has other signs.
	 * Derived from ours by HMAC (ours is the key: unguessable), so that a repeated delivery writes the same.
	 *
	 * @param string $token The sidecar's download token.
	 */
	public static function shop_token( string $token ): string {
		return hash_hmac( 'sha256', 'smi-bridge/v1/shop-token', $token );
	}

	/**
	 * Tells everybody, when the request ends, that a job's status changed.
	 *
	 * @param string     $job_id The shop's id.
	 * @param array|null $change What a write_… returned.
	 * @param array      $facts  Further data for listeners.
	 */
	public static function announce( string $job_id, ?array $change, array $facts = array() ): void {
		if ( is_array( $change ) && isset( $change['old'], $change['new'] ) && $change['old'] !== $change['new'] ) {
			Announcements::add( $job_id, $change['old'], $change['new'], $facts );
		}
	}

	/**
	 * Brings the shop's row in line with a move, where the shop has another word for the new state.
	 *
	 * @param array $old   Row before.
	 * @param array $new   Row after.
	 * @param array $facts Facts for the shop; if there are any, it is written in any case.
	 */
	public static function follow( array $old, array $new, array $facts = array() ): void {
		$word = States::shop_word( $new['state'] );
		if ( $facts || States::shop_word( $old['state'] ) !== $word ) {
			self::announce( $new['job_id'], self::write_progress( $new['job_id'], $word, $facts ), $facts );
		}
	}

	/** What the shop's row gets. @param array $row A delivered ledger row. @return array See Shop_Adapter::write_delivery(). */
	public static function delivery_facts( array $row ): array {
		return array(
			'file'         => self::folder() . '/' . $row['path'],
			'shop_token'   => self::shop_token( $row['token'] ),
			'expires_at'   => Sql::unix( $row['expires_at'] ),
			'credits'      => null === $row['credits'] ? null : (float) $row['credits'],
			'upsampler_id' => $row['upsampler_id'],
			'width'        => (int) $row['width'],
			'height'       => (int) $row['height'],
			'bytes'        => (int) $row['bytes'],
		);
	}

	/**
	 * Writes through filter or adapter, and corrects what was read before.
	 *
	 * @param string $method  Method of Shop_Adapter.
	 * @param string $job_id  The shop's id.
	 * @param mixed  ...$rest Further arguments.
	 */
	private static function write( string $method, string $job_id, ...$rest ): ?array {
		$change = self::ask( $method, null, $job_id, ...$rest );
		if ( 'write_refund' === $method ) {
			self::forget( $job_id ); // It is no longer paid.
		} elseif ( is_array( $change ) && isset( self::$known[ $job_id ], $change['new'] ) ) {
			self::$known[ $job_id ]['status'] = $change['new'];
		}
		return is_array( $change ) ? $change : null;
	}

	/**
	 * Asks the filter, then the adapter.
	 *
	 * @param string $method  Method of Shop_Adapter.
	 * @param mixed  $none    The answer when there is no shop.
	 * @param mixed  ...$args Arguments.
	 * @return mixed
	 */
	private static function ask( string $method, $none, ...$args ) {
		/** Answers a question of the bridge instead of Sell My Images; see Shop_Adapter for arguments and answers. */
		$answer = apply_filters( 'smi_bridge_' . $method, null, ...$args );
		if ( null !== $answer ) {
			return $answer;
		}
		$adapter = self::adapter();
		return $adapter ? $adapter->$method( ...$args ) : $none;
	}

	/** The adapter of Sell My Images, or null when its table is not here. */
	private static function adapter(): ?Shop_Adapter {
		static $adapter = null;
		$adapter        = $adapter ?? new Sell_My_Images( array( self::class, 'job' ) );
		return null === $adapter->shop_name() ? null : $adapter;
	}

	/**
	 * A job with every field in its type, whatever a filter left out.
	 *
	 * @param string $job_id Its id.
	 * @param array  $job    As answered.
	 */
	private static function complete( string $job_id, array $job ): array {
		$source = (array) ( $job['source'] ?? array() );
		$size   = static function ( $value ) {
			return is_numeric( $value ) && $value >= 1 ? (int) $value : null;
		};
		return array(
			'job_id' => $job_id,
			'paid'   => ! empty( $job['paid'] ),
			'factor' => (int) ( $job['factor'] ?? 0 ),
			'source' => array(
				'type' => 'upload' === ( $source['type'] ?? '' ) ? 'upload' : 'attachment',
				'url'  => isset( $source['url'] ) && '' !== $source['url'] ? mb_substr( (string) $source['url'], 0, 2048 ) : null,
				'path' => isset( $source['path'] ) && '' !== $source['path'] ? (string) $source['path'] : null,
			),
			'width'  => $size( $job['width'] ?? null ),
			'height' => $size( $job['height'] ?? null ),
			'amount' => isset( $job['amount'] ) && is_numeric( $job['amount'] ) ? (float) $job['amount'] : null,
		) + $job + array(
			'status'       => '',
			'email'        => '',
			'payment_id'   => '',
			'paid_at'      => 0,
			'upsampler_id' => '',
			'payment_session' => '',
		);
	}
}
