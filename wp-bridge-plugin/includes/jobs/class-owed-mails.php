<?php
/**
 * Mails that are owed since a sidecar that comes by itself has renewed a link: "send it again" was the wish, and nobody waits for the answer.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Customer_Mail;

defined( 'ABSPATH' ) || exit;

/**
 * Owed with the commit that writes the new link down, so that a request that dies before it mails leaves the debt behind. It is paid by
 * the same visit, by the next one that repeats the acknowledgement, or with the scheduled mails; once.
 */
final class Owed_Mails {

	/** Effect; what follows is the end of the link. */
	const RENEWED = 'mail:renewed:';

	/** Mails of one go. */
	const MOST = 50;

	/**
	 * The customer is to be mailed the renewed link.
	 *
	 * @param string $job_id     The shop's id.
	 * @param int    $attempt    Attempt.
	 * @param string $expires_at Its end.
	 * @throws Database_Error When the database refuses.
	 */
	public static function promise( string $job_id, int $attempt, string $expires_at ): void {
		Effects::owe( $job_id, $attempt, self::effect( $expires_at ) );
	}

	/** Sends all that are owed. Safe to call at any time, and twice. */
	public static function send(): void {
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
	public static function is_owed( string $job_id ): bool {
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
