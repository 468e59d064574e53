<?php
/**
 * Who may have the link of a job: whoever brings its status token (the mail's address, this browser's memory), or the payment
 * session with which the provider has sent the payer back. Whoever has the job's id alone sees progress.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Site;
use SmiBridge\Core\Status_Token;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Decides by the present request, and grants tokens. It never tells why it refuses, and opens no file: the link it lets out has a token of
 * its own.
 */
final class Status_Access {

	const IN_ADDRESS = 'smi_status_token';

	/**
	 * A new token, or '' when there is no secret to sign it with.
	 *
	 * @param string $job_id The job's id.
	 */
	public static function grant( string $job_id ): string {
		$keys = Settings::keys( Status_Token::PURPOSE );
		return $keys ? Status_Token::make( $keys[0], $job_id, time() + Status_Token::LIFETIME, Site::hash() ) : '';
	}

	/**
	 * The token that this request may have for a job, or ''.
	 *
	 * @param string $job_id The job's id.
	 */
	public static function of_request( string $job_id ): string {
		foreach ( array( Request::query( self::IN_ADDRESS ), Request::header( 'Smi-Status-Token' ) ) as $token ) {
			if ( '' !== $token && Status_Token::opens( Settings::keys( Status_Token::PURPOSE ), $token, $job_id, time(), Site::hash() ) ) {
				return $token;
			}
		}
		foreach ( array( Request::query( 'session_id' ), Request::header( 'Smi-Payment-Session' ) ) as $session ) {
			if ( '' !== $session && self::is_payers( $job_id, $session ) ) {
				return self::grant( $job_id );
			}
		}
		return '';
	}

	/**
	 * Whether this is the session in which the job was paid: the payment provider tells it the shop and the payer, nobody else.
	 *
	 * @param string $job_id  The job's id.
	 * @param string $session As it came.
	 */
	private static function is_payers( string $job_id, string $session ): bool {
		$known = (string) ( self::job( $job_id )['payment_session'] ?? '' );
		return strlen( $known ) >= 16 && hash_equals( $known, $session );
	}

	/** The shop's job, or null; also where the database refuses: a visitor's page goes on without it. @param string $job_id The job's id. */
	public static function job( string $job_id ): ?array {
		try {
			return Shop::job( $job_id );
		} catch ( Database_Error $fault ) {
			Log::write( 'job_unreadable', $fault->getMessage(), array( 'job_id' => $job_id ) );
			return null;
		}
	}

	/** What a page of another origin (a second domain of the site) may send. @param string[] $headers WordPress' own. */
	public static function allow_headers( $headers ): array {
		return array_merge( (array) $headers, array( 'Smi-Status-Token', 'Smi-Payment-Session', 'If-None-Match' ) );
	}
}
