<?php
/**
 * Standard Webhooks (https://www.standardwebhooks.com/), both ways: HMAC-SHA256 over `id.timestamp.body`, a key for each
 * direction derived from one secret (docs/contract.md, part 1). Knows nothing of WordPress' requests; the clock is an argument.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Signs and verifies. Malformed input of any kind is a refusal with a reason for the log, never an error.
 */
final class Signature {

	const TO_SIDECAR = 'to-sidecar';
	const TO_SHOP    = 'to-shop';
	const MAX_BODY   = 1048576;

	/** The documentation's example, Standard Webhooks' test vector: known to everybody. */
	const EXAMPLE = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

	/**
	 * Bytes of a `whsec_` secret, or null unless it holds 24 to 64 bytes of base64.
	 *
	 * @param string $text The secret as written.
	 */
	public static function decode_secret( string $text ): ?string {
		if ( ! preg_match( '#^whsec_([A-Za-z0-9+/]+={0,2})\z#', $text, $parts ) ) {
			return null;
		}
		$raw = base64_decode( $parts[1], true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of the scheme.
		return false !== $raw && 0 === strlen( $parts[1] ) % 4 && strlen( $raw ) >= 24 && strlen( $raw ) <= 64 ? $raw : null;
	}

	/**
	 * As decode_secret; null also for the documentation's example.
	 *
	 * @param string $text The secret as written.
	 */
	public static function decode_own_secret( string $text ): ?string {
		$raw = self::decode_secret( $text );
		return self::decode_secret( self::EXAMPLE ) === $raw ? null : $raw;
	}

	/** Bytes as base64url without padding (RFC 4648, part 5): the form of tokens in addresses. @param string $bytes Bytes. */
	public static function base64url( string $bytes ): string {
		return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of tokens.
	}

	/** A new secret of 32 random bytes. */
	public static function new_secret(): string {
		return 'whsec_' . base64_encode( random_bytes( 32 ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of the scheme.
	}

	/** A new message id. */
	public static function new_id(): string {
		return 'msg_' . bin2hex( random_bytes( 16 ) );
	}

	/**
	 * The key of one direction, so that a message can't be reflected to its sender's own door.
	 *
	 * @param string $secret    Decoded secret.
	 * @param string $direction TO_SIDECAR or TO_SHOP.
	 */
	public static function direction_key( string $secret, string $direction ): string {
		return hash_hmac( 'sha256', 'smi-bridge/v1/' . $direction, $secret, true );
	}

	/** The key of links that the sidecar signs. @param string $secret Decoded secret. */
	public static function link_key( string $secret ): string {
		return hash_hmac( 'sha256', 'smi-sidecar/v1/links', $secret, true );
	}

	/**
	 * The value of `webhook-signature`.
	 *
	 * @param string $key       HMAC key.
	 * @param string $id        Message id.
	 * @param int    $timestamp Unix seconds.
	 * @param string $body      The exact bytes sent.
	 */
	public static function sign( string $key, string $id, int $timestamp, string $body ): string {
		return 'v1,' . base64_encode( hash_hmac( 'sha256', $id . '.' . $timestamp . '.' . $body, $key, true ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the format of the scheme.
	}

	/**
	 * The three headers of a new message.
	 *
	 * @param string $key       HMAC key.
	 * @param int    $timestamp Unix seconds.
	 * @param string $body      The exact bytes sent.
	 * @return string[]
	 */
	public static function headers( string $key, int $timestamp, string $body ): array {
		$id = self::new_id();
		return array(
			'webhook-id'        => $id,
			'webhook-timestamp' => (string) $timestamp,
			'webhook-signature' => self::sign( $key, $id, $timestamp, $body ),
		);
	}

	/**
	 * Checks headers and body under any of the keys; the sidecar's own door follows the same rules.
	 *
	 * 1. form of the three headers; 2. age; 3. size and encoding of the body; 4. one of at most eight signatures under one of the keys.
	 *
	 * @param string[] $keys    HMAC keys, the current one first.
	 * @param array    $headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.
	 * @param string   $body    The exact bytes received.
	 * @param int      $now     Our clock, Unix seconds.
	 * @return string '' when authentic, else the reason for the log.
	 */
	public static function fault( array $keys, array $headers, string $body, int $now ): string {
		$id        = (string) ( $headers['webhook-id'] ?? '' );
		$timestamp = (string) ( $headers['webhook-timestamp'] ?? '' );
		if ( ! preg_match( '/^[A-Za-z0-9_.-]{1,64}\z/', $id ) ) {
			return 'webhook-id is missing or malformed';
		}
		if ( ! preg_match( '/^[0-9]{9,11}\z/', $timestamp ) ) {
			return 'webhook-timestamp is missing or malformed';
		}
		if ( abs( $now - (int) $timestamp ) > Time_Limits::SIGNATURE ) {
			return sprintf( 'webhook-timestamp is %d s away from our clock', $now - (int) $timestamp );
		}
		if ( strlen( $body ) > self::MAX_BODY ) {
			return 'body is larger than 1 MiB';
		}
		if ( ! preg_match( '//u', $body ) ) {
			return 'body is not UTF-8';
		}
		return self::signature_fault( $keys, $id, $timestamp, (string) ( $headers['webhook-signature'] ?? '' ), $body );
	}

	/**
	 * Whether one of the signatures fits one of the keys, in constant time for each pair.
	 *
	 * @param string[] $keys      HMAC keys.
	 * @param string   $id        Message id.
	 * @param string   $timestamp Digits as they were received: they are part of what was signed.
	 * @param string   $header    `webhook-signature`.
	 * @param string   $body      Body.
	 */
	private static function signature_fault( array $keys, string $id, string $timestamp, string $header, string $body ): string {
		$given = preg_grep( '#^v1,[A-Za-z0-9+/]{43}=\z#', array_slice( explode( ' ', $header ), 0, 8 ) );
		if ( ! $given ) {
			return 'webhook-signature is missing or malformed';
		}
		if ( ! $keys ) {
			return 'there is no secret here';
		}
		foreach ( $keys as $key ) {
			$expected = self::sign( $key, $id, (int) $timestamp, $body );
			foreach ( $given as $signature ) {
				if ( hash_equals( $expected, $signature ) ) {
					return '';
				}
			}
		}
		return 'no signature fits one of our secrets';
	}

}
