<?php
/**
 * The sidecar's door, from our side (docs/contract.md, part 2): signs a message, carries it, reads the answer.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Settings;
use SmiBridge\Core\Sidecar_Report;
use SmiBridge\Core\Signature;

defined( 'ABSPATH' ) || exit;

/**
 * A client with one connection. It says what happened, and decides nothing: no repeat, no circuit breaker. To a sidecar that comes by
 * itself messages go into the mailbox.
 */
final class Sidecar_Client {

	/** Carries the requests. @var Http_Client */
	private $client;

	/**
	 * A client.
	 *
	 * @param Http_Client|null $client With its own patience.
	 */
	public function __construct( ?Http_Client $client = null ) {
		$this->client = $client ?? new Http_Client();
	}

	/**
	 * Sends a message and returns the data of the answer.
	 *
	 * @param string      $type     See contract.
	 * @param array       $data     The message's data.
	 * @param string|null $audience Other than this site's sidecar (only `status` may ask `sidecar:?`).
	 * @param array       $note     For whoever handles the answer of a sidecar that comes by itself, see Mailbox.
	 * @return array|\WP_Error `{queued: true}`: the message waits in the mailbox. Codes: not_configured, paused, not_seen, refused, dns, timeout, tls, network, unauthorized, not_understood, no_sidecar, busy, or the sidecar's own `error`.
	 * @throws \SmiBridge\Core\Database_Error When the mailbox can't be written.
	 */
	public function send( string $type, array $data, ?string $audience = null, array $note = array() ) {
		if ( ! Settings::is_configured() ) {
			return new \WP_Error( 'not_configured', __( 'The address of the sidecar or the secret is missing.', 'smi-bridge' ) );
		}
		if ( Settings::is_paused() && 'status' !== $type ) {
			return new \WP_Error( 'paused', __( 'This site is paused: it is a copy, or an admin paused it.', 'smi-bridge' ) );
		}
		if ( Settings::is_pulled() ) {
			return 'status' === $type ? self::last_report() : self::leave( $type, $data, $note );
		}
		$answer = $this->exchange( $type, $data, $audience );
		if ( 0 === $answer['status'] ) {
			return new \WP_Error( '' === $answer['error'] ? 'network' : $answer['error'], $answer['message'], $answer );
		}
		$body = json_decode( $answer['body'], true );
		if ( 200 === $answer['status'] && is_array( $body ) ) {
			return $body;
		}
		return new \WP_Error( self::error_code( $answer['status'], $body ), sprintf( 'The sidecar answered HTTP %d.', $answer['status'] ), $answer );
	}

	/**
	 * Posts a signed message, whatever the settings say about pausing; there must be an address and a secret.
	 *
	 * @param string      $type     See contract.
	 * @param array       $data     The message's data.
	 * @param string|null $audience See send().
	 * @return array See Http_Client::post().
	 */
	public function exchange( string $type, array $data, ?string $audience = null ): array {
		$now  = time();
		$body = Mailbox::envelope( $type, $data, $now, $audience );
		return $this->client->post(
			Settings::sidecar_url() . '/messages',
			$body,
			array( 'Content-Type' => 'application/json' ) + Signature::headers( Settings::keys( Signature::TO_SIDECAR )[0], $now, $body )
		);
	}

	/**
	 * Leaves a message for a sidecar that comes by itself.
	 *
	 * @param string $type See send().
	 * @param array  $data See send().
	 * @param array  $note See send().
	 */
	private static function leave( string $type, array $data, array $note ): array {
		Mailbox::put( $type, $data, $note );
		return array( 'queued' => true );
	}

	/**
	 * What a sidecar that comes by itself has said last.
	 *
	 * @return array|\WP_Error
	 */
	private static function last_report() {
		$last = Sidecar_Report::last();
		return $last['ok'] && $last['status'] ? $last['status'] : new \WP_Error( 'not_seen', $last['message'] );
	}

	/**
	 * The code for an answer that is no success.
	 *
	 * @param int   $status HTTP status.
	 * @param mixed $body   Decoded body.
	 */
	private static function error_code( int $status, $body ): string {
		if ( is_array( $body ) && isset( $body['error'] ) && is_string( $body['error'] ) && preg_match( '/^[a-z_]{1,64}$/', $body['error'] ) ) {
			return $body['error'];
		}
		return $status >= 500 || 429 === $status ? 'busy' : 'no_sidecar';
	}

	/**
	 * The sidecar's status; remembers its public address on the way.
	 *
	 * @param bool $round_trip Whether the sidecar is to try our door, too.
	 * @return array|\WP_Error
	 */
	public function status( bool $round_trip = false ) {
		$answer = $this->send( 'status', $round_trip ? array( 'round_trip' => true ) : array() );
		if ( is_array( $answer ) && array_key_exists( 'public_url', $answer ) ) {
			Settings::learn_public_url( $answer['public_url'] );
		}
		return $answer;
	}
}
