<?php
/**
 * Visitor: Upsampler, at the shop's address `/smi-webhook/upsampler/?token=…`, for sites whose sidecar can't be reached from outside.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Hands the request on to the sidecar, or keeps it until the sidecar comes, and does nothing by itself: whoever posts here proves nothing.
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
		$path = (string) wp_parse_url( sanitize_url( wp_unslash( $_SERVER['REQUEST_URI'] ?? '' ) ), PHP_URL_PATH );
		$home = rtrim( (string) wp_parse_url( home_url(), PHP_URL_PATH ), '/' );
		if ( rtrim( $path, '/' ) === $home . '/smi-webhook/upsampler' ) {
			self::answer();
		}
	}

	/** Answers and ends the request. Also registered with the shop as its handler of this webhook. */
	public static function answer(): void {
		header( 'Cache-Control: no-store' );
		// phpcs:ignore WordPress.Security.NonceVerification -- the token is the sidecar's to judge.
		$token  = isset( $_GET['token'] ) && is_string( $_GET['token'] ) ? sanitize_text_field( wp_unslash( $_GET['token'] ) ) : '';
		// phpcs:ignore WordPress.Security -- compared with a secret, never used otherwise.
		$mac    = isset( $_GET['mac'] ) && is_string( $_GET['mac'] ) ? $_GET['mac'] : '';
		$method = sanitize_key( $_SERVER['REQUEST_METHOD'] ?? '' );
		$status = 405;
		if ( 'post' === $method ) {
			$status = Settings::is_pulled() ? self::keep( $token, $mac ) : self::hand_on( $token );
		}
		status_header( $status );
		header( 'Content-Type: application/json' );
		echo 202 === $status ? '{"accepted":true}' : '{"accepted":false}';
		exit;
	}

	/**
	 * Keeps the request for a sidecar that comes by itself: as a hint, since only the address is ours, and only one for each submission.
	 *
	 * @param string $token From the address.
	 * @param string $mac   From the address: that the sidecar has made the token.
	 * @return int Our answer.
	 */
	private static function keep( string $token, string $mac ): int {
		if ( ! preg_match( self::TOKEN, $token ) || ! self::is_ours( $token, $mac ) ) {
			return 404;
		}
		$body = self::body();
		if ( null === $body ) {
			return 413;
		}
		if ( Settings::is_paused() ) {
			return 503;
		}
		try {
			Mailbox::put(
				'upsampler.webhook',
				array(
					'token' => $token,
					'body'  => preg_match( '//u', $body ) ? $body : '', // It is a good moment to ask, whatever it says.
				)
			);
			return 202;
		} catch ( Database_Error $error ) {
			Log::write( 'webhook_not_kept', $error->getMessage() );
			return 503;
		}
	}

	/** Whether the sidecar has made a token. @param string $token The token. @param string $mac HMAC-SHA256 over it, base64url. */
	private static function is_ours( string $token, string $mac ): bool {
		foreach ( Settings::keys( self::PURPOSE ) as $key ) {
			$ours = rtrim( strtr( base64_encode( hash_hmac( 'sha256', $token, $key, true ) ), '+/', '-_' ), '=' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of the address.
			if ( hash_equals( $ours, $mac ) ) {
				return true;
			}
		}
		return false;
	}

	/** The request's body, or null: it is too large. */
	private static function body(): ?string {
		$body = (string) file_get_contents( 'php://input', false, null, 0, self::MOST + 1 ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- the request's own body.
		return strlen( $body ) > self::MOST ? null : $body;
	}

	/**
	 * Posts the raw body to the sidecar.
	 *
	 * @param string $token From the address.
	 * @return int Our answer: the sidecar's, or 503 so that Upsampler may try again.
	 */
	private static function hand_on( string $token ): int {
		if ( ! preg_match( self::TOKEN, $token ) ) {
			return 404;
		}
		$body = self::body();
		if ( null === $body ) {
			return 413;
		}
		if ( Settings::is_paused() || ! Circuit_Breaker::allows() ) {
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
