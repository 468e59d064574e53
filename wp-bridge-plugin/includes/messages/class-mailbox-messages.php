<?php
/**
 * Where the sidecar is, and the visits of one that nobody can reach: sidecar.address, mailbox.collect.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sidecars;
use SmiBridge\Core\Sql;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Jobs\Renewal;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Announcements;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Mailbox;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * Handler: checked data in, outcome out (docs/contract.md, parts 3 and 7). To hand a message over does not take it out of the mailbox: its
 * acknowledgement does.
 */
final class Mailbox_Messages {

	/**
	 * 1. what the sidecar did with messages that it got before; 2. its status; 3. the next messages, and whether there will be others soon.
	 *
	 * @param array $data See schema.
	 */
	public static function collect( array $data ): Outcome {
		self::learn();
		Sidecars::seen( $data['sidecar'] );
		$has_renewed = false;
		foreach ( $data['done'] ?? array() as $done ) {
			$message = Mailbox::take_out( $done['id'] );
			if ( $message ) {
				self::ended( $message, (int) $done['status'], (array) $done['answer'] );
			}
			$has_renewed = $has_renewed || 'job.renew' === $done['type']; // Also one that we knew: the request may have died before the mail.
		}
		if ( isset( $data['status'] ) && Settings::is_pulled() ) {
			Sidecar_Report::keep( $data['status'] );
		}
		$answer = array(
			'pulled'   => Settings::is_pulled(),
			'messages' => Settings::is_connected() ? Mailbox::sealed() : array(),
			'soon'     => Shop::has_open_checkout( time() - Time_Limits::CHECKOUT ),
		);
		return Outcome::done( $answer, $has_renewed ? array( array( Renewal::class, 'send_owed' ) ) : array() );
	}

	/** Whether a visit needs the database only: nothing that is mailed follows from it. @param array $data As it came, not checked. */
	public static function needs_little( array $data ): bool {
		return ! in_array( 'job.renew', array_column( array_filter( (array) ( $data['done'] ?? array() ), 'is_array' ), 'type' ), true );
	}

	/**
	 * Message `sidecar.address`: where the sidecar is, as `smi-sidecar setup` tells. Only a bridge that knows no sidecar learns an address; one that somebody has
	 * set, here or in wp-config.php, stays. The sender has the secret, and may deliver anyway.
	 *
	 * @param array $data See schema.
	 */
	public static function address( array $data ): Outcome {
		if ( '' === Settings::sidecar_url() && ! Settings::is_constant( 'sidecar_url' ) ) {
			update_option( 'smi_bridge_sidecar_url', esc_url_raw( rtrim( $data['url'], '/' ), array( 'http', 'https' ) ) );
			Settings::learn_site();
			Log::write( 'sidecar_address_learnt', 'Setup said where the sidecar is.', array( 'url' => Settings::sidecar_url() ) );
		}
		return Outcome::done( array( 'url' => Settings::sidecar_url() ) );
	}

	/** A bridge that knows no address learns that there is none. */
	private static function learn(): void {
		if ( '' === Settings::sidecar_url() && ! Settings::is_pulled() && ! Settings::is_constant( 'sidecar_url' ) ) {
			update_option( 'smi_bridge_sidecar_url', Settings::NO_ADDRESS );
			Settings::learn_site();
			Log::write( 'sidecar_pulls', 'The sidecar comes for its messages by itself.' );
		}
	}

	/**
	 * What follows from an answer, or nothing where the database refuses it: one message must not have each visit fail, and all others
	 * with it. An erasure is repeated daily; a renewal is told as failed.
	 *
	 * @param array $message See answered().
	 * @param int   $status  See answered().
	 * @param array $answer  See answered().
	 * @throws Database_Error When nothing can be saved any more.
	 */
	public static function ended( array $message, int $status, array $answer ): void {
		$events    = History::count();
		$announced = Announcements::count();
		Sql::run( 'SAVEPOINT smi_bridge_answer' );
		try {
			self::answered( $message, $status, $answer );
		} catch ( Database_Error $error ) {
			Sql::run( 'ROLLBACK TO SAVEPOINT smi_bridge_answer' ); // Fails after a deadlock, which undid everything: then the visit comes again.
			History::forget( $events );
			Announcements::forget( $announced );
			Shop::forget();
			Log::write( 'answer_not_stored', $error->getMessage(), array( 'type' => $message['type'], 'job_id' => $message['job_id'] ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			if ( 'job.renew' === $message['type'] ) {
				Renewal::failed( $message['job_id'], (int) $message['data']['attempt'], 'database' );
			}
		}
	}

	/**
	 * What follows from an answer.
	 *
	 * @param array $message From Mailbox::take_out().
	 * @param int   $status  As the sidecar's door would answer: 200, or why not; 0: nobody has come for it.
	 * @param array $answer  Its answer.
	 */
	private static function answered( array $message, int $status, array $answer ): void {
		$good = 200 === $status;
		if ( ! $good ) {
			$reason = sanitize_key( (string) ( $answer['error'] ?? $status ) );
			Log::write( 'message_not_taken', 0 === $status ? 'Nobody has come for a message.' : 'The sidecar has refused a message.', array( 'type' => $message['type'], 'job_id' => $message['job_id'], 'reason' => $reason ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		switch ( $message['type'] ) {
			case 'job.renew':
				self::renewed( $message, $good, $answer );
				break;
			case 'job.erase':
				if ( $good ) {
					Mailbox::forget( $message['job_id'] ); // A late webhook.
				}
				Effects::done( $message['job_id'], 0, Effects::ERASE, $good ? 'erased' : 'failed', $good ? '' : (string) ( $answer['error'] ?? '' ) );
				break;
			case 'job.paid':
			case 'job.cancel':
				$row = Ledger::newest( $message['job_id'] );
				if ( $row ) {
					Ledger::record_message( $row, (int) $message['data']['attempt'], $message['type'], $good ? null : (string) ( $answer['error'] ?? '' ) );
				}
		}
	}

	/**
	 * The sidecar has made a new link, or has not. The customer is to be mailed, where that was asked for.
	 *
	 * @param array $message From Mailbox::take_out().
	 * @param bool  $good    Whether it has.
	 * @param array $answer  Its answer.
	 */
	private static function renewed( array $message, bool $good, array $answer ): void {
		$job_id  = $message['job_id'];
		$attempt = (int) $message['data']['attempt'];
		$row     = Ledger::newest( $job_id, true );
		if ( $row && ! ( $good && Renewal::is_link( $answer ) ) ) {
			Renewal::failed( $job_id, $attempt, (string) ( $answer['error'] ?? '' ) );
			return;
		}
		$note = $message['note'] + array(
			'user'       => 0,
			'then'       => '',
			'revoked_at' => $row['revoked_at'] ?? null, // Not in a message that an older bridge has put in.
		);
		if ( Renewal::write( $row, compact( 'attempt' ) + $note, $answer, (int) $note['user'] ) ) {
			if ( Renewal::MAIL === $note['then'] || Renewal::owes_mail( $job_id ) ) {
				Renewal::owe_mail( $job_id, $attempt, (string) $answer['expires_at'] );
			}
		} elseif ( $row ) {
			Renewal::failed( $job_id, $attempt, 'changed' );
		}
	}
}
