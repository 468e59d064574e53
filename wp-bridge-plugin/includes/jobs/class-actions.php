<?php
/**
 * What a person may do with a job: retry, stop, refund, resend the mail, renew the link. One place for pages, REST, WP-CLI and AJAX.
 *
 * Callers check who asks; this class checks what the job allows. Every answer is `{ok: bool, code: stable word, message: plain text}`.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Log;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Settings;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Mail\Mail;
use SmiBridge\Shop\Announcements;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Safe to call twice: the second call finds what the first one did and says so; only a mail that is resent goes out again.
 */
final class Actions {

	/** Code of what the sidecar does when it comes for its messages. */
	const UNDER_WAY = 'under_way';

	/**
	 * Does an action, unless this site may do nothing now. A refusing database is an answer, too.
	 *
	 * @param string $action  As in Allowed_Actions::labels().
	 * @param string $job_id  The shop's id.
	 * @param array  $options `force` (of retry); `confirm`, `mark_only` and `message` (of refund).
	 * @return array{ok: bool, code: string, message: string}
	 * @throws \InvalidArgumentException When there is no such action.
	 */
	public static function run( string $action, string $job_id, array $options = array() ): array {
		try {
			return self::hindrance( $action ) ?? self::perform( $action, $job_id, $options );
		} catch ( Database_Error $error ) {
			Log::write( 'action_failed', $error->getMessage() );
			return self::no( 'database', __( 'Not done: the database refused. The log says why.', 'smi-bridge' ) );
		}
	}

	/**
	 * Does it.
	 *
	 * @param string $action  See run().
	 * @param string $job_id  The shop's id.
	 * @param array  $options See run().
	 * @throws \InvalidArgumentException When there is no such action.
	 */
	private static function perform( string $action, string $job_id, array $options ): array {
		if ( 'retry' === $action ) { // Also of a job that only the shop knows.
			return self::retry( $job_id, wp_validate_boolean( $options['force'] ?? false ) );
		}
		$row = Ledger::newest( $job_id );
		if ( ! $row ) {
			return self::unknown();
		}
		if ( 'refund' === $action && wp_validate_boolean( $options['mark_only'] ?? false ) ) {
			$action = 'mark_refunded';
		}
		switch ( $action ) {
			case 'cancel':
				return self::cancel( $job_id );
			case 'resend':
				return self::resend( $row );
			case 'renew':
				return self::renew( $row );
			case 'mark_refunded':
				Provider_Refund::happened( $job_id, Shop::amount( $job_id ), true );
				return self::yes( 'refunded', __( 'Marked as refunded.', 'smi-bridge' ) );
			case 'refund':
			case 'refund_downloaded':
				$confirmed = 'refund_downloaded' === $action || wp_validate_boolean( $options['confirm'] ?? false );
				return self::refund( $row, (string) ( $options['message'] ?? '' ), $confirmed );
		}
		throw new \InvalidArgumentException( 'There is no such action.' );
	}

	/**
	 * Starts the next attempt.
	 *
	 * @param string $job_id The shop's id.
	 * @param bool   $force  Pay Upsampler again even if a good file exists.
	 */
	private static function retry( string $job_id, bool $force ): array {
		$code = Rerun::start( $job_id, array( 'admin_override' => true, 'force' => $force ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		History::write();
		$words = array(
			'started'     => __( 'Started again.', 'smi-bridge' ),
			'busy'        => __( 'Not started: an attempt is under way. It may be started again when its deadline has passed.', 'smi-bridge' ),
			'unknown_job' => __( 'Not started: the shop does not know this job.', 'smi-bridge' ),
		);
		return 'started' === $code ? self::yes( $code, $words[ $code ] ) : self::no( $code, $words[ $code ] ?? $code );
	}

	/** Stops a job that is under way: it waits in review, and nothing goes on by itself. @param string $job_id The shop's id. */
	private static function cancel( string $job_id ): array {
		return self::locked(
			$job_id,
			static function ( array $row ) {
				if ( Stop::is_stopped( $row ) ) {
					return self::yes( 'already', __( 'It is stopped already.', 'smi-bridge' ) );
				}
				if ( ! Stop::job( $row, array( 'user' => get_current_user_id() ) ) ) {
					return self::no( 'settled', __( 'Not stopped: it has ended already.', 'smi-bridge' ) );
				}
				History::write();
				return self::yes( 'stopped', __( 'Stopped. It waits in review: retry it or refund it.', 'smi-bridge' ) );
			}
		);
	}

	/**
	 * Gives the money back, once for each payment, and ends the link.
	 *
	 * @param array  $row       Newest ledger row.
	 * @param string $message   Words for the customer's mail, or ''.
	 * @param bool   $confirmed The person knows that the customer has the file, if he has.
	 */
	private static function refund( array $row, string $message, bool $confirmed ): array {
		$begun      = null;
		$downloaded = $confirmed ? null : Downloads::first( $row['job_id'] );
		if ( null !== $downloaded && 'refunded' !== $row['state'] ) {
			/* translators: %s: date and time */
			return self::no( 'downloaded', sprintf( __( 'Not refunded: the customer downloaded the picture on %s. If the money is to go back nevertheless, confirm it: on the job’s own page, or with the option for it.', 'smi-bridge' ), Format::moment( $downloaded ) ) );
		}
		$answer = self::locked(
			$row['job_id'],
			static function ( array $row ) use ( &$begun ) {
				if ( 'refunded' === $row['state'] ) {
					return self::yes( 'already', __( 'It is refunded already.', 'smi-bridge' ) );
				}
				$begun = Refund::begin( $row, Reasons::BY_PERSON );
				if ( ! $begun && Effects::reclaim( $row['job_id'], 0, Effects::REFUND, false ) ) {
					$begun = Refund::refunding( $row, Reasons::BY_PERSON, '' ); // The last try failed for certain.
				}
				if ( ! $begun ) {
					return self::no( 'unknown', __( 'Not refunded: an earlier refund is under way, or nobody knows how it ended. Look at your payment provider; if the money is back, mark the job as refunded.', 'smi-bridge' ) );
				}
				History::record( $row['job_id'], (int) $row['attempt'], 'refunding', array( 'user' => get_current_user_id() ) );
				History::write();
				return null;
			}
		);
		if ( ! $begun || $answer ) {
			return $answer ?? self::no( 'changed', __( 'Not refunded: the job has just changed. Look at it again.', 'smi-bridge' ) );
		}
		list( $row, $mail ) = Refund::carry_out( $begun, '' === $message ? null : $message );
		Customer_Mail::now( $mail );
		History::write();
		if ( 'refunded' !== $row['state'] ) {
			return self::no( 'refund_failed', (string) ( $row['detail'] ?? __( 'The shop could not refund.', 'smi-bridge' ) ) );
		}
		Send_Later::job_cancel( $row, 'refunded' );
		return self::yes( 'refunded', __( 'Refunded. The customer has been told.', 'smi-bridge' ) );
	}

	/** Sends the mail that belongs to the job's state once more. @param array $row Newest ledger row. */
	private static function resend( array $row ): array {
		if ( null === Customer_Mail::effect_of( $row['state'] ) ) {
			return self::no( 'too_early', __( 'Not sent: there is nothing to tell the customer yet.', 'smi-bridge' ) );
		}
		if ( 'delivered' === $row['state'] && ( null !== $row['revoked_at'] || Format::timestamp( $row['expires_at'] ) <= time() ) ) {
			$renewed = self::renew( $row, Renewal::MAIL );
			if ( ! $renewed['ok'] || self::UNDER_WAY === $renewed['code'] ) {
				return $renewed;
			}
			$row = Ledger::newest( $row['job_id'] );
		}
		Effects::overtake( $row['job_id'] );
		return self::mail( $row );
	}

	/** Gets a fresh link for a delivered job. @param array $row Newest ledger row. @param string $then See Renewal::ask(). */
	private static function renew( array $row, string $then = '' ): array {
		if ( 'delivered' !== $row['state'] ) {
			return self::no( 'not_delivered', __( 'Not renewed: there is no delivered file.', 'smi-bridge' ) );
		}
		$answer = Renewal::ask( $row, $then );
		if ( is_wp_error( $answer ) ) {
			$gone = 'no_file' === $answer->get_error_code();
			return self::no( $answer->get_error_code(), $gone ? __( 'Not renewed: the file is no longer there. Retry makes it anew.', 'smi-bridge' ) : $answer->get_error_message() );
		}
		if ( isset( $answer['queued'] ) ) {
			return self::yes( self::UNDER_WAY, __( 'Under way: the sidecar renews the link when it comes for its messages, as a rule within seconds.', 'smi-bridge' ) );
		}
		if ( ! Renewal::is_link( $answer ) ) {
			return self::no( 'not_understood', __( 'Not renewed: the sidecar’s answer was not understood.', 'smi-bridge' ) );
		}
		$ended = self::locked(
			$row['job_id'],
			static function ( array $now ) use ( $row, $answer ) {
				$done = Renewal::write( $now, $row, $answer, get_current_user_id() );
				return $done ? null : self::no( 'changed', __( 'Not renewed: the job has just changed. Look at it again.', 'smi-bridge' ) );
			}
		);
		if ( $ended ) {
			return $ended;
		}
		History::write();
		/* translators: %s: date and time */
		return self::yes( 'renewed', sprintf( __( 'The link works until %s.', 'smi-bridge' ), Format::moment( $answer['expires_at'] ) ) );
	}

	/** Sends the mail about an ending once more, now. @param array $row Ledger row of an attempt that has ended. */
	private static function mail( array $row ): array {
		$sent  = Customer_Mail::again( $row );
		$words = array(
			'sent'       => __( 'Mail sent.', 'smi-bridge' ),
			'no_address' => __( 'Not sent: the shop has no e-mail address for this job.', 'smi-bridge' ),
			'disabled'   => __( 'Not sent: mails of this kind are switched off in the settings.', 'smi-bridge' ),
			/* translators: %s: words of the mailer */
			'failed'     => sprintf( __( 'Not sent: %s', 'smi-bridge' ), Mail::$last_error ),
		);
		return 'sent' === $sent ? self::yes( $sent, $words[ $sent ] ) : self::no( $sent, $words[ $sent ] );
	}

	/**
	 * Runs something with the newest attempt's row locked.
	 *
	 * @param string   $job_id The shop's id.
	 * @param callable $work   Gets the row; returns an answer or null.
	 */
	private static function locked( string $job_id, callable $work ): ?array {
		$announced = Announcements::count();
		$messages  = Send_Later::count();
		try {
			return Ledger::in_transaction(
				static function () use ( $job_id, $work ) {
					$row = Ledger::newest( $job_id, true );
					return $row ? $work( $row ) : self::unknown();
				}
			);
		} catch ( \Throwable $error ) {
			Announcements::forget( $announced );
			Send_Later::forget( $messages );
			throw $error;
		}
	}

	/** Why nothing may be done from this site now, or null. @param string $action Action. */
	private static function hindrance( string $action ): ?array {
		if ( 'retry' === $action && ! Compat::may_forward() ) {
			return self::no( 'not_connected', __( 'Not started: the bridge is not connected, is paused, or the shop’s own handler could not be detached.', 'smi-bridge' ) );
		}
		return Settings::is_paused() ? self::no( 'paused', __( 'Not done: this site is paused.', 'smi-bridge' ) ) : null;
	}

	/** The answer for a job that the ledger does not know. */
	private static function unknown(): array {
		return self::no( 'unknown_job', __( 'The ledger does not know this job.', 'smi-bridge' ) );
	}

	/** It is done. @param string $code Stable word. @param string $message Plain text. */
	private static function yes( string $code, string $message ): array {
		return array( 'ok' => true ) + compact( 'code', 'message' );
	}

	/** It is not. @param string $code Stable word. @param string $message Plain text. */
	private static function no( string $code, string $message ): array {
		return array( 'ok' => false ) + compact( 'code', 'message' );
	}
}
