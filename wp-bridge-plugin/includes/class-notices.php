<?php
/**
 * What a person must hear: notices from the sidecar (a stage is held, workers are dead), and jobs in review. Mails to the admin are
 * collected: a storm of a thousand failures is a few mails, not a thousand.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Open notices lie in an option for the admin pages; which jobs are in review stands in the ledger.
 */
final class Notices {

	const OPTION = 'smi_bridge_notices';

	/** Seconds between two digests about reviews. A hold is told at once. */
	const WINDOW = 900;

	/** Most items that a digest lists. */
	const MOST = 50;

	/** Whether something in this request must be told at once. @var bool */
	private static $urgent = false;

	/**
	 * Message `admin.notice`: stored; `resume` takes its stage's hold away.
	 *
	 * @param array $data See schema.
	 */
	public static function notice( array $data ): Outcome {
		$open = self::open();
		$key  = ( 'resume' === $data['kind'] ? 'hold' : $data['kind'] ) . ':' . ( $data['stage'] ?? '' );
		$old  = $open[ $key ] ?? null;
		if ( 'resume' === $data['kind'] ) {
			unset( $open[ $key ] );
		} else {
			$open[ $key ] = $data + array( 'told' => $old && $old['reason'] === ( $data['reason'] ?? null ) && ! empty( $old['told'] ) );
			$open[ $key ] = $open[ $key ] + array( 'stage' => null, 'reason' => null ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			self::$urgent = self::$urgent || ! $open[ $key ]['told'];
		}
		if ( $open !== self::open() ) {
			update_option( self::OPTION, $open, false );
			Log::write( 'admin_notice', $data['detail'], array( 'kind' => $data['kind'], 'stage' => $data['stage'] ?? null, 'reason' => $data['reason'] ?? null ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		return Outcome::done();
	}

	/**
	 * Open notices: key `kind:stage` => {kind, stage, reason, detail, since (RFC 3339), told}.
	 */
	public static function open(): array {
		$open = get_option( self::OPTION, array() );
		return is_array( $open ) ? $open : array();
	}

	/** A job has gone into review: the next digest names it. */
	public static function review_begun(): void {
		if ( ! get_option( 'smi_bridge_digest_due' ) ) {
			update_option( 'smi_bridge_digest_due', time() );
		}
	}

	/** At the end of each delivery (the sidecar comes every minute) and by WP-Cron: the digest, if there is one to send. */
	public static function send_if_due(): void {
		if ( self::$urgent || get_option( 'smi_bridge_digest_due' ) ) {
			self::send_digest();
		}
	}

	/** Sends the digest, unless one was sent in this window. Safe to call at any time. */
	public static function send_digest(): void {
		if ( Settings::is_copy() ) {
			return; // The live site tells it.
		}
		$due = (int) get_option( 'smi_bridge_digest_due' );
		try {
			$items  = self::untold();
			$urgent = (bool) $items;
			if ( $due && ( $urgent || self::claim_window() ) ) {
				$items = array_merge( $items, self::reviews( $due ) );
				update_option( 'smi_bridge_digest_due', 0 );
			} elseif ( $due && ! wp_next_scheduled( 'smi_bridge_tell_admin' ) ) {
				wp_schedule_single_event( time() + self::WINDOW, 'smi_bridge_tell_admin' );
			}
			self::$urgent = false;
			if ( $items ) {
				$sent = Mail::send( 'admin', array( 'items' => $items ) );
				Log::write( 'digest', '', array( 'items' => count( $items ), 'mail' => $sent ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			}
		} catch ( \Throwable $error ) {
			Log::write( 'digest_failed', $error->getMessage() );
		}
	}

	/** Open notices that nobody has been mailed about; from now on they count as told. */
	private static function untold(): array {
		$open  = self::open();
		$items = array();
		foreach ( $open as $key => $notice ) {
			if ( empty( $notice['told'] ) ) {
				$open[ $key ]['told'] = true;
				$items[]              = array_diff_key( $notice, array( 'told' => true ) );
			}
		}
		if ( $items ) {
			update_option( self::OPTION, $open, false );
		}
		return $items;
	}

	/** Whether this window's digest is ours to send: the unique key of the effects decides between requests. */
	private static function claim_window(): bool {
		$window = 'digest:' . intdiv( time(), self::WINDOW );
		if ( ! Effects::claim( '-', 0, $window ) ) {
			return false;
		}
		Effects::done( '-', 0, $window, 'told' );
		return true;
	}

	/**
	 * Attempts that went into review.
	 *
	 * @param int $since Unix seconds.
	 */
	private static function reviews( int $since ): array {
		$items = array();
		$rows  = Sql::rows(
			'SELECT job_id, reason, detail, settled_at FROM ' . Sql::table( 'ledger' ) . " WHERE state = 'review' AND updated_at >= %s ORDER BY id DESC LIMIT %d",
			array( Sql::utc( $since - 2 ), self::MOST )
		);
		foreach ( $rows as $row ) {
			$items[] = array(
				'kind'   => Refund::REFUND_DUE === $row['reason'] ? 'refund_due' : 'review',
				'job_id' => $row['job_id'],
				'reason' => $row['reason'],
				'detail' => (string) ( $row['detail'] ?? $row['reason'] ),
				'since'  => Sql::rfc3339( $row['settled_at'] ),
			);
		}
		return $items;
	}
}
