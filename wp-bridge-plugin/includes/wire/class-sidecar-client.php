<?php
/**
 * The sidecar's door, from our side (docs/contract.md, part 2): signs a message, carries it, reads the answer.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Settings;
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
	 * @param string $type See contract.
	 * @param array  $data The message's data.
	 * @param array  $note What the answer of a sidecar that comes by itself needs, see Mailbox.
	 * @return array|\WP_Error `{queued: true}`: the message waits in the mailbox. Codes: not_configured, paused, refused, dns, timeout, tls, network, unauthorized, not_understood, no_sidecar, busy, or the sidecar's own `error`.
	 * @throws \SmiBridge\Core\Database_Error When the mailbox can't be written.
	 */
	public function send( string $type, array $data, array $note = array() ) {
		if ( ! Settings::is_configured() ) {
			return new \WP_Error( 'not_configured', __( 'The address of the sidecar or the secret is missing.', 'smi-bridge' ) );
		}
		if ( Settings::is_paused() && 'status' !== $type ) {
			return new \WP_Error( 'paused', __( 'This site is paused: it is a copy, or an admin paused it.', 'smi-bridge' ) );
		}
		if ( Settings::is_pulled() ) {
			Mailbox::put( $type, $data, $note );
			return array( 'queued' => true );
		}
		$answer = $this->exchange( $type, $data );
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
	 * @param string|null $audience Other than this site's sidecar: `sidecar:?` may be asked for its status.
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
}
