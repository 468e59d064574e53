<?php
/**
 * What needs a person right now. Looks at the ledger, the notices and the last answer of the sidecar; asks nobody on the network.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sidecars;
use SmiBridge\Core\Staging_Lock;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Jobs\Jobs_Query;
use SmiBridge\Jobs\Renewal;
use SmiBridge\Ledger\Lifecycle;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Shop\Compat;
use SmiBridge\Wire\Circuit_Breaker;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * A problem is `{kind, level: bad or warn, title, text, url, size}`; `size` grows when it gets worse.
 */
final class Problems {

	/** All problems, the worst first. A refusing database is one of them, not an error. @return array[] See above. */
	public static function all(): array {
		if ( ! Settings::is_configured() ) {
			return array( self::problem( 'setup', 'warn', __( 'SMI Bridge is not connected yet', 'smi-bridge' ), __( 'Paid pictures are still handled by the shop alone. Connect the sidecar to let it take over.', 'smi-bridge' ), Admin_Access::url( 'first-run' ) ) );
		}
		try {
			$found = array_merge( self::of_site(), self::of_sidecar(), self::of_jobs() );
		} catch ( Database_Error $fault ) {
			Log::write( 'problems_unreadable', $fault->getMessage() );
			$found = array( self::problem( 'database', 'bad', __( 'The ledger can’t be read', 'smi-bridge' ), __( 'The database refused; its log says why.', 'smi-bridge' ), Admin_Access::url( 'settings' ) ) );
		}
		/** Filters what needs a person. */
		$found = (array) apply_filters( 'smi_bridge_problems', $found );
		usort(
			$found,
			static function ( $a, $b ) {
				return strcmp( $a['level'], $b['level'] ); // 'bad' before 'warn'.
			}
		);
		return $found;
	}

	/** Of this site. */
	private static function of_site(): array {
		$found = array();
		if ( Staging_Lock::is_copy() ) {
			$found[] = self::problem( 'copy', 'warn', __( 'This site looks like a copy and is paused', 'smi-bridge' ), __( 'Nothing is forwarded, mailed or refunded from here.', 'smi-bridge' ), Admin_Access::url( 'settings' ) );
		} elseif ( Settings::is_paused() ) {
			$found[] = self::problem( 'paused', 'warn', __( 'The bridge is paused', 'smi-bridge' ), __( 'Paid jobs are written down and wait.', 'smi-bridge' ), Admin_Access::url( 'settings' ) );
		}
		if ( ! Lifecycle::is_installed() ) {
			$found[] = self::problem( 'database', 'bad', __( 'The ledger’s tables are not those of this version', 'smi-bridge' ), __( 'The database refused; its log says why.', 'smi-bridge' ), Admin_Access::url( 'settings' ) );
		}
		if ( 'attached' === Compat::handler_status() ) {
			$found[] = self::problem( 'handler', 'bad', __( 'The shop’s own handler could not be detached', 'smi-bridge' ), __( 'So that no picture is paid for twice, nothing is forwarded.', 'smi-bridge' ), admin_url( 'site-health.php' ) );
		}
		return $found;
	}

	/** Of the sidecar, as it last answered, and of what it reported by itself. */
	private static function of_sidecar(): array {
		$found = array();
		$last  = Sidecar_Report::last();
		$since = $last['at'] ? $last['since'] : Settings::connected_since(); // One that should come by itself may never have come.
		$long  = time() - $since >= Time_Limits::CONNECTION_FAULT;
		if ( ! $last['ok'] && ( $long || Circuit_Breaker::read()['failures'] > 2 ) ) {
			/* translators: %s: time span, such as "4 minutes ago" */
			$first   = $last['at'] ? ' ' . sprintf( __( 'First noticed %s.', 'smi-bridge' ), Format::distance( $since ) ) : '';
			$title   = $last['at'] ? __( 'The connection to the sidecar is lost', 'smi-bridge' ) : __( 'The sidecar has not been here yet', 'smi-bridge' );
			$found[] = self::problem( 'connection', 'bad', $title, self::fault( $last ) . $first, Admin_Access::url( 'settings' ) );
		}
		$status = $last['status'];
		if ( $last['ok'] && $status && ( empty( $status['workers'] ) || empty( $status['scheduler'] ) ) ) {
			$found[] = self::problem( 'worker', 'bad', empty( $status['workers'] ) ? __( 'No worker is alive', 'smi-bridge' ) : __( 'The sidecar’s scheduler is not alive', 'smi-bridge' ), __( 'Jobs are taken in, but not worked on. Start the sidecar’s processes.', 'smi-bridge' ), admin_url( 'site-health.php' ) );
		}
		$together = Sidecars::together();
		if ( $together ) {
			/* translators: %s: names of two programs */
			$words   = __( '%s both work for this shop. No picture is made or mailed twice, but only one of them should run: stop the other, or give both one Redis.', 'smi-bridge' );
			$found[] = self::problem( 'sidecars', 'warn', __( 'Two sidecars serve this shop', 'smi-bridge' ), sprintf( $words, implode( ', ', $together ) ), admin_url( 'site-health.php' ) );
		}
		$away = $last['ok'] ? $status['shop_away'] ?? null : null;
		if ( is_array( $away ) && Format::timestamp( $away['since'] ?? 0 ) ) {
			/* translators: %s: time span, such as "4 minutes ago" */
			$since   = sprintf( __( 'First noticed %s.', 'smi-bridge' ), Format::distance( $away['since'] ) );
			$found[] = self::problem( 'wall', 'bad', __( 'The sidecar does not reach this site', 'smi-bridge' ), sanitize_text_field( (string) ( $away['detail'] ?? '' ) ) . ' ' . __( 'Finished pictures wait until it does; none is lost.', 'smi-bridge' ) . ' ' . $since, admin_url( 'site-health.php' ) );
		}
		foreach ( Admin_Digest::open() as $key => $notice ) {
			$stage = (string) ( $notice['stage'] ?? '' );
			/* translators: %s: name of a stage */
			$words   = 'hold' === $notice['kind'] ? __( 'Jobs are on hold (%s)', 'smi-bridge' ) : __( 'Work waits and nobody takes it (%s)', 'smi-bridge' );
			$title   = sprintf( $words, Job_Labels::stages()[ $stage ] ?? $stage );
			$found[] = self::problem( 'notice:' . $key, 'bad', $title, self::notice_text( $notice ), Admin_Access::url( 'jobs', array( 'view' => 'working' ) ), (int) Format::timestamp( $notice['since'] ?? 0 ) );
		}
		return $found;
	}

	/** What a notice of the sidecar says. @param array $notice Of Admin_Digest::open(). */
	private static function notice_text( array $notice ): string {
		$reason = (string) ( $notice['reason'] ?? '' );
		if ( 'hold' !== $notice['kind'] || '' === $reason ) {
			return (string) $notice['detail'];
		}
		$text = trim( Job_Labels::reason( $reason ) . '. ' . Job_Labels::advice( $reason ) ) . ' ' . __( 'All jobs go on by themselves when this is fixed.', 'smi-bridge' );
		return '' === $notice['detail'] ? $text : $text . ' (' . $notice['detail'] . ')';
	}

	/** Why nothing is heard of the sidecar, in one sentence. @param array $last Of Sidecar_Report::last(). */
	private static function fault( array $last ): string {
		$advised = Sidecar_Report::NOT_SEEN === $last['code'] ? $last['message'] : Connection_Test::advice( $last['code'] )['sentence'] ?? null;
		return ( $advised ?? Job_Labels::reason( $last['code'] ) . '.' ) . ' ' . __( 'New jobs wait in WordPress; none is lost.', 'smi-bridge' );
	}

	/** Of the jobs. */
	private static function of_jobs(): array {
		$found = array();
		$due   = Jobs_Query::count( 'failed' );
		if ( $due ) {
			/* translators: %s: number of jobs */
			$found[] = self::problem( 'refund_due', 'bad', sprintf( _n( '%s refund is due', '%s refunds are due', $due, 'smi-bridge' ), number_format_i18n( $due ) ), __( 'Look at your payment provider whether the money went; then refund it, or mark it as refunded.', 'smi-bridge' ), Admin_Access::url( 'jobs', array( 'view' => 'failed' ) ), $due );
		}
		$review = Jobs_Query::count( 'review' ) - $due;
		if ( $review > 0 ) {
			/* translators: %s: number of jobs */
			$found[] = self::problem( 'review', 'warn', sprintf( _n( '%s job waits for your decision', '%s jobs wait for your decision', $review, 'smi-bridge' ), number_format_i18n( $review ) ), __( 'Retry or refund.', 'smi-bridge' ), Admin_Access::url( 'jobs', array( 'view' => 'review' ) ), $review );
		}
		$links = Renewal::unresolved();
		if ( $links ) {
			/* translators: %s: number of links */
			$title   = sprintf( _n( '%s download link was not renewed', '%s download links were not renewed', count( $links ), 'smi-bridge' ), number_format_i18n( count( $links ) ) );
			$found[] = self::problem( 'renewal', 'warn', $title, __( 'The job’s history says why. Renew the link once more, or retry the job if its picture is gone.', 'smi-bridge' ), Admin_Access::url( 'jobs', 1 === count( $links ) ? array( 'job' => $links[0] ) : array( 'view' => 'delivered' ) ), count( $links ) );
		}
		$late = Jobs_Query::count( 'past_due' );
		if ( $late ) {
			/* translators: %s: number of jobs */
			$found[] = self::problem( 'past_due', 'warn', sprintf( _n( '%s job is past due', '%s jobs are past due', $late, 'smi-bridge' ), number_format_i18n( $late ) ), __( 'Nothing has happened for 15 minutes.', 'smi-bridge' ), Admin_Access::url( 'jobs', array( 'view' => 'past_due' ) ), $late );
		}
		return $found;
	}

	/**
	 * A problem.
	 *
	 * @param string $kind  A stable word.
	 * @param string $level bad or warn.
	 * @param string $title Plain text.
	 * @param string $text  Plain text.
	 * @param string $url   Where to fix it.
	 * @param int    $size  Grows when it gets worse.
	 */
	private static function problem( string $kind, string $level, string $title, string $text, string $url, int $size = 1 ): array {
		return compact( 'kind', 'level', 'title', 'text', 'url', 'size' );
	}
}
