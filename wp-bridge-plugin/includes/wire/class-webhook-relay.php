<?php
/**
 * Visitor: Upsampler, at the shop's address `/smi-webhook/upsampler/?token=…`, for sites whose sidecar can't be reached from outside.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Hands the request on to the sidecar and does nothing by itself: whoever posts here proves nothing.
 */
final class Webhook_Relay {

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
		$method = sanitize_key( $_SERVER['REQUEST_METHOD'] ?? '' );
		$status = 'post' === $method ? self::hand_on( $token ) : 405;
		status_header( $status );
		header( 'Content-Type: application/json' );
		echo 202 === $status ? '{"accepted":true}' : '{"accepted":false}';
		exit;
	}

	/**
	 * Posts the raw body to the sidecar.
	 *
	 * @param string $token From the address.
	 * @return int Our answer: the sidecar's, or 503 so that Upsampler may try again.
	 */
	private static function hand_on( string $token ): int {
		if ( ! preg_match( '/^[A-Za-z0-9_.~-]{1,512}\z/', $token ) ) {
			return 404;
		}
		$body = (string) file_get_contents( 'php://input', false, null, 0, 65537 ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- the request's own body.
		if ( strlen( $body ) > 65536 ) {
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
