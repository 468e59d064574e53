<?php
/**
 * Alerts for the admin: notices from the sidecar (a stage is held, workers are dead), and jobs in review. Mails to the admin are
 * collected: a storm of a thousand failures is a few mails, not a thousand.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Shared_Option;
use SmiBridge\Core\Sql;
use SmiBridge\Core\Staging_Lock;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\Effects;

defined( 'ABSPATH' ) || exit;

/**
 * Open notices lie in an option for the admin pages; which jobs are in review stands in the ledger.
 */
final class Admin_Digest {

	const OPTION = 'smi_bridge_notices';

	/** What mails have said: `reviews` (job:attempt:reason => Unix seconds), `holds` (key:reason => Unix seconds), `at` (of the last digest). */
	const MAILED = 'smi_bridge_told';

	/** Most items that a digest lists. */
	const MOST = 50;

	/** Kinds of notices that end another. */
	const ENDS = array(
		'resume'    => 'hold',
		'caught_up' => 'late',
	);

	/** Whether something in this request must be mailed at once. @var bool */
	private static $urgent = false;

	/**
	 * Message `admin.notice`: stored; `resume` takes its stage's hold away, `caught_up` its lateness.
	 *
	 * @param array $data See schema.
	 */
	public static function notice( array $data ): Outcome {
		$ends   = self::ENDS[ $data['kind'] ] ?? null;
		$key    = ( $ends ?? $data['kind'] ) . ':' . ( $data['stage'] ?? '' );
		$mailed = null === $ends && self::mailed_just_now( $key, $data );
		$before = array();
		$after  = Shared_Option::change(
			self::OPTION,
			static function ( array $open ) use ( $data, $ends, $key, $mailed, &$before ) {
				$before = $open;
				$old    = $open[ $key ] ?? null;
				if ( null !== $ends ) {
					return array_diff_key( $open, array( $key => true ) );
				}
				$known        = $old && $old['reason'] === ( $data['reason'] ?? null ) && ! empty( $old['told'] );
				$open[ $key ] = $data + array( 'told' => $known || $mailed, 'stage' => null, 'reason' => null ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				return $open;
			}
		);
		self::$urgent = self::$urgent || ( null === $ends && ! $after[ $key ]['told'] );
		if ( $after !== $before ) {
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

	/**
	 * A hold that comes and goes (an account that is nearly empty, a disk that is nearly full) is one mail in a window, not one each time.
	 *
	 * @param string $key    Of the open notices.
	 * @param array  $notice Notice.
	 */
	private static function mailed_just_now( string $key, array $notice ): bool {
		return ( self::mailed()['holds'][ $key . ':' . ( $notice['reason'] ?? '' ) ] ?? 0 ) > time() - Time_Limits::DIGEST;
	}

	/** See MAILED. */
	private static function mailed(): array {
		$mailed = get_option( self::MAILED, array() );
		return ( is_array( $mailed ) ? $mailed : array() ) + array(
			'reviews' => array(),
			'holds'   => array(),
			'at'      => 0,
		);
	}

	/**
	 * A job has gone into review: the next digest names it. Written each time, for what this request has read may be out of date: a digest
	 * that another one is sending takes the mark away before it looks, and does not see us yet.
	 */
	public static function review_begun(): void {
		update_option( 'smi_bridge_digest_due', time() );
	}

	/** At the end of each delivery (the sidecar comes every minute) and by WP-Cron: the digest, if there is one to send. */
	public static function send_if_due(): void {
		if ( self::$urgent || get_option( 'smi_bridge_digest_due' ) ) {
			self::send_digest();
		}
	}

	/** Sends the digest, unless one was sent in this window. Safe to call at any time. */
	public static function send_digest(): void {
		if ( Staging_Lock::is_copy() ) {
			return; // The live site mails it.
		}
		$due = (int) get_option( 'smi_bridge_digest_due' );
		try {
			$items  = self::not_mailed();
			$urgent = (bool) $items;
			$more   = 0;
			if ( $due && ( $urgent || self::claim_window() ) ) {
				update_option( 'smi_bridge_digest_due', 0 );
				$reviews = self::reviews();
				$more    = max( 0, count( $reviews ) - self::MOST );
				$items   = array_merge( $items, array_slice( $reviews, 0, self::MOST ) );
			} elseif ( $due && ! wp_next_scheduled( 'smi_bridge_tell_admin' ) ) {
				wp_schedule_single_event( time() + Time_Limits::DIGEST, 'smi_bridge_tell_admin' );
			}
			self::$urgent = false;
			if ( $items ) {
				$sent = Mail::send( 'admin', compact( 'items', 'more' ) );
				Log::write( 'digest', '', array( 'items' => count( $items ) + $more, 'mail' => $sent ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			}
		} catch ( \Throwable $error ) {
			Log::write( 'digest_failed', $error->getMessage() );
		}
	}

	/** Open notices that nobody has been mailed about; from now on they count as mailed. Of several requests at once, one gets each. */
	private static function not_mailed(): array {
		$items = array();
		Shared_Option::change(
			self::OPTION,
			static function ( array $open ) use ( &$items ) {
				$items = array();
				foreach ( $open as $key => $notice ) {
					if ( empty( $notice['told'] ) ) {
						$open[ $key ]['told'] = true;
						$items[]              = array_diff_key( $notice, array( 'told' => true ) );
					}
				}
				return $open;
			}
		);
		if ( $items ) {
			$holds = array();
			foreach ( $items as $item ) {
				$holds[ $item['kind'] . ':' . $item['stage'] . ':' . $item['reason'] ] = time();
			}
			Shared_Option::change(
				self::MAILED,
				static function ( array $mailed ) use ( $holds ) {
					return array( 'holds' => $holds + array_filter( $mailed['holds'] ?? array(), array( self::class, 'is_recent' ) ) ) + $mailed;
				}
			);
		}
		return $items;
	}

	/** Whether this window's digest is ours to send: the unique key of the effects decides between requests. */
	private static function claim_window(): bool {
		$window = 'digest:' . intdiv( time(), Time_Limits::DIGEST );
		if ( ! Effects::claim( '-', 0, $window ) ) {
			return false;
		}
		Effects::done( '-', 0, $window, 'told' );
		return true;
	}

	/** Whether something was mailed so lately that it must be remembered. @param int $at Unix seconds. */
	private static function is_recent( $at ): bool {
		return $at > time() - Time_Limits::DIGEST - Time_Limits::DIGEST_OVERLAP;
	}

	/**
	 * Attempts that went into review, and of which no digest has said anything; from now on they count as mailed.
	 */
	private static function reviews(): array {
		$mailed = self::mailed();
		$items  = array();
		$now    = array();
		$rows   = Sql::rows(
			'SELECT job_id, attempt, reason, detail, settled_at FROM ' . Sql::table( 'ledger' ) . " WHERE state = 'review' AND updated_at >= %s ORDER BY id DESC LIMIT 5000",
			array( Sql::utc( $mailed['at'] ? $mailed['at'] - Time_Limits::DIGEST_OVERLAP : time() - DAY_IN_SECONDS ) )
		);
		foreach ( $rows as $row ) {
			$key = $row['job_id'] . ':' . $row['attempt'] . ':' . $row['reason'];
			if ( isset( $mailed['reviews'][ $key ] ) ) {
				continue;
			}
			$now[ $key ] = time();
			$items[]     = array(
				'kind'   => Reasons::REFUND_DUE === $row['reason'] ? 'refund_due' : 'review',
				'job_id' => $row['job_id'],
				'reason' => $row['reason'],
				'detail' => (string) ( $row['detail'] ?? $row['reason'] ),
				'since'  => Sql::rfc3339( $row['settled_at'] ),
			);
		}
		Shared_Option::change(
			self::MAILED,
			static function ( array $mailed ) use ( $now ) {
				$reviews = array_filter( $now + ( $mailed['reviews'] ?? array() ), array( self::class, 'is_recent' ) );
				return array( 'reviews' => $reviews, 'at' => time() ) + $mailed; // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			}
		);
		return $items;
	}
}
