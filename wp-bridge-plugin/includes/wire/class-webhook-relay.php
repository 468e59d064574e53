<?php
/**
 * Endpoint for Upsampler's webhooks, on sites whose sidecar can't be reached from outside: `/smi-webhook/upsampler/?token=…`.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sidecar_Token;
use SmiBridge\Core\Signature;

defined( 'ABSPATH' ) || exit;

/**
 * Hands the request on to the sidecar, or keeps it until the sidecar comes, and does nothing by itself: a post proves nothing.
 */
final class Webhook_Relay {

	const PURPOSE = 'webhook'; // The key's, as TO_SHOP is a message's.
	const TOKEN   = '/^[A-Za-z0-9_.~-]{1,512}\z/';
	const MOST    = 65536;

	/** `parse_request`, before the shop's own matching: also on a site without the shop, and in a subfolder. */
	public static function catch_address(): void {
		if ( ! Settings::is_configured() ) {
			return;
		}
		$home = rtrim( (string) wp_parse_url( home_url(), PHP_URL_PATH ), '/' );
		if ( Request::path() === $home . '/smi-webhook/upsampler' ) {
			self::answer();
		}
	}

	/** Answers and ends the request. Also registered with the shop as its handler of this webhook. */
	public static function answer(): void {
		Request::answer_now(
			static function () {
				$status = self::status( Request::query( 'token' ), Request::query( 'mac' ) );
				return array( $status, 202 === $status ? '{"accepted":true}' : '{"accepted":false}' );
			}
		);
	}

	/**
	 * Hands the request on, or keeps it for a sidecar that comes by itself.
	 *
	 * @param string $token From the address.
	 * @param string $mac   From the address: that the sidecar has made the token.
	 * @return int Our HTTP status.
	 */
	private static function status( string $token, string $mac ): int {
		if ( ! Request::is_by( 'POST' ) ) {
			return 405;
		}
		$is_kept = Settings::is_pulled();
		if ( ! preg_match( self::TOKEN, $token ) || ( $is_kept && ! self::is_ours( $token, $mac ) ) ) {
			return 404;
		}
		$body = Request::body( self::MOST );
		if ( strlen( $body ) > self::MOST ) {
			return 413;
		}
		if ( Settings::is_paused() ) {
			return 503;
		}
		return $is_kept ? self::keep( $token, $body ) : self::hand_on( $token, $body );
	}

	/**
	 * Keeps the request: as a hint, since only the address is ours, and only one for each submission.
	 *
	 * @param string $token From the address.
	 * @param string $body  As it came.
	 * @return int Our HTTP status.
	 */
	private static function keep( string $token, string $body ): int {
		try {
			Mailbox::put(
				'upsampler.webhook',
				array(
					'token' => $token,
					'body'  => preg_match( '//u', $body ) ? $body : '', // It is a good moment to ask, whatever it says.
				),
				array(),
				self::job_of( $token )
			);
			return 202;
		} catch ( Database_Error $error ) {
			Log::write( 'webhook_not_kept', $error->getMessage() );
			return 503;
		}
	}

	/**
	 * The job that a token of the sidecar names, so that it is found when the job is to be forgotten; '': none that we can read.
	 *
	 * @param string $token See contract, part 7.
	 */
	private static function job_of( string $token ): string {
		$named  = Sidecar_Token::payload( $token );
		$job_id = $named[ max( 0, count( $named ) - 3 ) ] ?? ''; // Attempt and submission follow.
		return is_string( $job_id ) && Job_Id::matches( $job_id ) ? $job_id : '';
	}

	/** Whether the sidecar has made a token. @param string $token The token. @param string $mac HMAC-SHA256 over it, base64url. */
	private static function is_ours( string $token, string $mac ): bool {
		foreach ( Settings::keys( self::PURPOSE ) as $key ) {
			if ( hash_equals( Signature::base64url( hash_hmac( 'sha256', $token, $key, true ) ), $mac ) ) {
				return true;
			}
		}
		return false;
	}

	/**
	 * Posts the raw body to the sidecar.
	 *
	 * @param string $token From the address.
	 * @param string $body  As it came.
	 * @return int Our HTTP status: the sidecar's, or 503 so that Upsampler may try again.
	 */
	private static function hand_on( string $token, string $body ): int {
		if ( ! Circuit_Breaker::allows() ) {
			return 503;
		}
		$answer = ( new Http_Client( 500, 2000 ) )->post( Settings::sidecar_url() . '/webhooks/upsampler/' . rawurlencode( $token ), $body, array( 'Content-Type' => 'application/json' ) );
		if ( 0 === $answer['status'] ) {
			Circuit_Breaker::failure( $answer['error'] );
			return 503;
		}
		Circuit_Breaker::success();
		return $answer['status'] >= 500 ? 503 : $answer['status'];
	}
}
