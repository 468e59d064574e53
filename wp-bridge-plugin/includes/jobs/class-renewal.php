<?php
/**
 * A fresh download link for a delivered job. The sidecar makes it: at once, or when it comes for its messages; then a mail may be owed, for
 * "send it again" was the wish, and nobody waits for the answer.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Shared_Option;
use SmiBridge\Core\Sql;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Mailbox;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * Asks for it, and writes it down. Safe to repeat: the last link counts.
 */
final class Renewal {

	/** Option: job id => {attempt, at}: links that could not be renewed when nobody waited for the answer. */
	const FAILED = 'smi_bridge_not_renewed';

	/** So many of them are remembered, the newest. */
	const MOST_FAILED = 100;

	/** Effect: the mail that is owed; what follows is the end of the link. */
	const RENEWED = 'mail:renewed:';

	/** Mails of one go. */
	const MOST = 50;

	/** Data of the note that travels with a message: what is to follow. */
	const MAIL = 'mail';

	/**
	 * Asks the sidecar.
	 *
	 * @param array  $row  A delivered ledger row.
	 * @param string $then MAIL: the customer is mailed when a sidecar that comes by itself has answered.
	 * @return array|\WP_Error `{token, download_url, expires_at}`; `{queued: true}`: it answers when it comes.
	 */
	public static function ask( array $row, string $then = '' ) {
		$data = array(
			'job_id'       => $row['job_id'],
			'attempt'      => (int) $row['attempt'],
			'expiry_hours' => Settings::expiry_hours(),
		);
		$note = array(
			'user'       => get_current_user_id(),
			'then'       => '' === $then && Settings::is_pulled() ? Mailbox::note( 'job.renew', $data )['then'] ?? '' : $then, // A mail that was asked for before is still wanted.
			'revoked_at' => $row['revoked_at'],
		);
		return ( new Sidecar_Client() )->send( 'job.renew', $data, $note );
	}

	/**
	 * Writes the new link down, if the job is still as it was: it may have been refunded or stopped meanwhile, and that link stays dead.
	 *
	 * @param array|null $now    The newest ledger row, locked.
	 * @param array      $asked  What the row said when the sidecar was asked: attempt, revoked_at.
	 * @param array      $answer Of the sidecar.
	 * @param int        $user   Who wanted it.
	 * @return bool Whether it was.
	 */
	public static function write( ?array $now, array $asked, array $answer, int $user ): bool {
		$attempt = (int) $asked['attempt'];
		if ( ! $now || 'delivered' !== $now['state'] || (int) $now['attempt'] !== $attempt || $now['revoked_at'] !== $asked['revoked_at'] ) {
			return false;
		}
		$set = array(
			'token'        => (string) $answer['token'],
			'download_url' => isset( $answer['download_url'] ) ? (string) $answer['download_url'] : null,
			'expires_at'   => Sql::from_rfc3339( (string) $answer['expires_at'] ),
			'revoked_at'   => null,
			'updated_at'   => Sql::utc( time() ),
		);
		Ledger::note( (int) $now['id'], $set );
		Shop::write_delivery( $now['job_id'], Shop::delivery_facts( array_merge( $now, $set ) ) );
		if ( get_option( self::FAILED ) ) {
			Shared_Option::change(
				self::FAILED,
				static function ( array $failed ) use ( $now ) {
					return array_diff_key( $failed, array( $now['job_id'] => true ) );
				}
			);
		}
		History::record( $now['job_id'], $attempt, 'renewed', array( 'expires_at' => $answer['expires_at'], 'user' => $user ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		return true;
	}

	/**
	 * A renewal that a person was told is under way has come to nothing: it stands in the history, and an admin is told.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt Attempt.
	 * @param string $reason  A stable word.
	 */
	public static function failed( string $job_id, int $attempt, string $reason ): void {
		History::record( $job_id, $attempt, 'renewal_failed', array( 'reason' => $reason ) );
		Shared_Option::change(
			self::FAILED,
			static function ( array $failed ) use ( $job_id, $attempt ) {
				$failed[ $job_id ] = array( 'attempt' => $attempt, 'at' => time() ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				return array_slice( array_filter( $failed, array( self::class, 'is_recent' ) ), -self::MOST_FAILED, null, true );
			}
		);
	}

	/**
	 * Jobs whose link is still as it was when its renewal failed.
	 *
	 * @return string[]
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function unresolved(): array {
		$failed = array_filter( (array) get_option( self::FAILED, array() ), array( self::class, 'is_recent' ) );
		$found  = array();
		foreach ( $failed ? Ledger::newest_of( array_map( 'strval', array_keys( $failed ) ) ) : array() as $job_id => $row ) {
			if ( 'delivered' === $row['state'] && null === $row['revoked_at'] && (int) $row['attempt'] === $failed[ $job_id ]['attempt'] ) {
				$found[] = (string) $job_id;
			}
		}
		return $found;
	}

	/** Whether it failed lately. @param array $failed Of FAILED. */
	private static function is_recent( array $failed ): bool {
		return $failed['at'] > time() - Time_Limits::NOT_RENEWED;
	}

	/** Whether an answer holds a link. @param array $answer Of the sidecar. */
	public static function is_link( array $answer ): bool {
		return ! empty( $answer['token'] ) && ! empty( $answer['expires_at'] );
	}

	/**
	 * The customer is to be mailed the renewed link. Owed with the commit that writes it down, so that a request that dies before it mails
	 * leaves the debt behind. It is paid by the same visit, by the next one that repeats the acknowledgement, or with the scheduled mails; once.
	 *
	 * @param string $job_id     The shop's id.
	 * @param int    $attempt    Attempt.
	 * @param string $expires_at Its end.
	 * @throws Database_Error When the database refuses.
	 */
	public static function owe_mail( string $job_id, int $attempt, string $expires_at ): void {
		Effects::owe( $job_id, $attempt, self::effect( $expires_at ) );
	}

	/** Sends all that are owed. Safe to call at any time, and twice. */
	public static function send_owed(): void {
		if ( ! Settings::is_connected() ) {
			return;
		}
		try {
			foreach ( Effects::due( self::MOST ) as $owed ) {
				if ( Effects::take_due( $owed ) ) {
					self::pay( $owed );
				}
			}
		} catch ( Database_Error $error ) {
			Log::write( 'owed_mails_failed', $error->getMessage() );
		}
	}

	/** Whether a mail is owed still: the next link takes the debt over. @param string $job_id The shop's id. */
	public static function owes_mail( string $job_id ): bool {
		foreach ( Effects::of_job( $job_id ) as $row ) {
			if ( Effects::DUE === $row['outcome'] && 0 === strpos( $row['effect'], self::RENEWED ) ) {
				return true;
			}
		}
		return false;
	}

	/** The effect. @param string $expires_at End of the link. */
	private static function effect( string $expires_at ): string {
		return self::RENEWED . preg_replace( '/[^0-9]/', '', $expires_at );
	}

	/**
	 * Mails, unless the link was ended or renewed once more meanwhile.
	 *
	 * @param array $owed The claimed effect.
	 */
	private static function pay( array $owed ): void {
		$job_id  = $owed['job_id'];
		$attempt = (int) $owed['attempt'];
		$row     = Ledger::newest( $job_id );
		$is_good = $row && 'delivered' === $row['state'] && $attempt === (int) $row['attempt'] && null === $row['revoked_at'] && self::effect( Sql::rfc3339( $row['expires_at'] ) ) === $owed['effect'] && Format::timestamp( $row['expires_at'] ) > time();
		$outcome = $is_good ? Customer_Mail::again( $row ) : 'overtaken';
		Effects::done( $job_id, $attempt, $owed['effect'], $outcome );
	}
}
