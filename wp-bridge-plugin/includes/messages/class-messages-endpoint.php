<?php
/**
 * Endpoint for the sidecar: `POST /wp-json/smi-bridge/v1/messages` (or `?rest_route=`, or `?smi-bridge=messages`). Lets in what is authentic, hands it on,
 * and answers; every refusal looks the same from outside (docs/contract.md, part 1).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Site;
use SmiBridge\Core\Staging_Lock;
use SmiBridge\Core\Transaction;
use SmiBridge\Ledger\Idempotency;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * The endpoint needs no cookie, nonce or Authorization header. A refusal gives no reason: that stands in the log.
 */
final class Messages_Endpoint {

	const ROUTE = '/smi-bridge/v1/messages';

	/**
	 * Answers before WordPress builds its REST server with some hundred routes (a third of the request's time), and before
	 * plugins that close the REST API to strangers look at it. The route below gives the same answers.
	 *
	 * @param \WP $wp The request as WordPress has matched it.
	 */
	public static function answer_early( $wp ): void {
		$is_route = self::ROUTE === '/' . trim( (string) ( $wp->query_vars['rest_route'] ?? '' ), '/' );
		if ( ( ! $is_route && ! Request::is_to( self::ROUTE ) ) || ! Request::is_by( 'POST' ) ) {
			return;
		}
		if ( $is_route && ! apply_filters( 'smi_bridge_answer_early', true ) ) { // See Early_Endpoint.
			return;
		}
		Request::answer_now( array( self::class, 'answer_request' ) );
	}

	/** The whole answer to the present request. @return array{0: int, 1: string} Status and JSON. */
	public static function answer_request(): array {
		return self::answer( self::headers(), Request::body( Signature::MAX_BODY ) );
	}

	/** Why the present request is not authentic, or ''. The log is not told. */
	public static function fault(): string {
		return Signature::fault( Settings::keys( Signature::TO_SHOP ), self::headers(), Request::body( Signature::MAX_BODY ), time() );
	}

	/** After the answer: lets other code act on the sidecar's visit. */
	public static function afterwards(): void {
		if ( did_action( 'init' ) ) {
			/** Fires when the messages of a delivery have been handled and answered. Not where WordPress was not loaded for them. */
			do_action( 'smi_bridge_messages_handled' );
		}
	}

	/** Registers the REST route, which gives the same answers. */
	public static function register_route(): void {
		register_rest_route(
			'smi-bridge/v1',
			'/messages',
			array(
				'methods'             => 'POST',
				'permission_callback' => '__return_true', // The signature is checked by answer(): all refusals must look the same.
				'callback'            => static function () {
					list( $status, $json ) = self::answer_request();
					Request::answered(); // By the REST server.
					return new \WP_REST_Response( json_decode( $json ), $status, array( 'Cache-Control' => 'no-store', 'Referrer-Policy' => 'no-referrer' ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				},
			)
		);
	}

	/**
	 * Lets our one route through where a plugin closes the REST API to strangers, if the signature is good.
	 *
	 * @param mixed $result What others decided.
	 * @return mixed
	 */
	public static function let_signed_through( $result ) {
		$route = $GLOBALS['wp']->query_vars['rest_route'] ?? '';
		return is_wp_error( $result ) && self::ROUTE === '/' . trim( (string) $route, '/' ) && '' === self::fault() ? true : $result;
	}

	/**
	 * The whole answer to a delivery.
	 *
	 * 1. signature; 2. envelope; 3. repeated?; 4. messages; 5. keep the answer.
	 *
	 * @param array  $headers The three headers.
	 * @param string $body    The exact bytes.
	 * @return array{0: int, 1: string} Status and JSON.
	 */
	public static function answer( array $headers, string $body ): array {
		$envelope = self::opened( $headers, $body );
		if ( null === $envelope ) {
			return array( 401, '{"error":"unauthorized"}' );
		}
		if ( 'batch' !== $envelope->type ) {
			return array( 422, '{"error":"message_unknown_type"}' );
		}
		$fault = Schemas::fault( $envelope->data, 'to-shop/batch' );
		if ( '' !== $fault ) {
			Log::write( 'message_invalid', $fault );
			return array( 400, wp_json_encode( array( 'error' => 'message_invalid', 'detail' => $fault ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		try {
			return self::once( $headers['webhook-id'], hash( 'sha256', $body ), $envelope->data->messages );
		} catch ( Database_Error $error ) {
			Log::write( 'message_not_stored', $error->getMessage() );
			return array( 503, '{"error":"database"}' );
		}
	}

	/**
	 * The envelope of an authentic delivery, else null; the log says why.
	 *
	 * @param array  $headers The three headers.
	 * @param string $text    The exact bytes that were signed.
	 * @return \stdClass|null {type, timestamp, audience, data}
	 */
	public static function opened( array $headers, string $text ): ?\stdClass {
		$fault = Staging_Lock::is_copy() ? 'this site is a copy of the live one' : Signature::fault( Settings::keys( Signature::TO_SHOP ), $headers, $text, time() );
		if ( '' !== $fault ) {
			self::log_once_a_minute( $fault );
			return null;
		}
		$envelope = json_decode( $text );
		$fault    = self::envelope_fault( $envelope, (int) $headers['webhook-timestamp'] );
		if ( '' !== $fault ) {
			Log::write( 'message_refused', $fault ); // The sender has the secret: logged each time.
			return null;
		}
		return $envelope;
	}

	/**
	 * Logs a refusal that any stranger can bring about, the same one once a minute: nobody fills the log from outside.
	 *
	 * @param string $fault From Signature::fault(): one of few sentences, and a number.
	 */
	private static function log_once_a_minute( string $fault ): void {
		$logged = 'smi_bridge_refused_' . md5( preg_replace( '/[-\d]+/', '', $fault ) );
		if ( ! get_transient( $logged ) ) {
			set_transient( $logged, 1, MINUTE_IN_SECONDS );
			Log::write( 'message_refused', $fault . '; more of these within a minute are not told' );
		}
	}

	/**
	 * Handles a delivery, unless its id has been answered before.
	 *
	 * @param string      $id       `webhook-id`.
	 * @param string      $hash     SHA-256 of the body.
	 * @param \stdClass[] $messages Messages.
	 * @throws Database_Error When the database refuses.
	 */
	private static function once( string $id, string $hash, array $messages ): array {
		$questions   = Batch::are_questions( $messages );
		$transaction = new Transaction();
		try {
			$before = Idempotency::begin( $id, $hash ); // In the same transaction: a repeat that is faster waits here.
		} catch ( Database_Error $error ) {
			$transaction->rollback();
			throw $error;
		}
		if ( $before && ( $before['body_sha256'] !== $hash || $questions || null !== $before['answer'] ) ) {
			$transaction->rollback();
			if ( $before['body_sha256'] !== $hash ) {
				return array( 409, '{"error":"message_id_reused"}' );
			}
			return $questions ? array( 409, '{"error":"message_answered"}' ) : array( 200, $before['answer'] );
		}
		Request::at_end( array( self::class, 'afterwards' ), 1010 );
		Shop::learn_who_answers();
		return array( 200, Batch::handle( $messages, $questions ? null : $id, $transaction ) );
	}

	/**
	 * What is wrong with an envelope whose signature is good, or ''.
	 *
	 * @param mixed $envelope  Decoded body.
	 * @param int   $timestamp From the header.
	 */
	private static function envelope_fault( $envelope, int $timestamp ): string {
		if ( ! $envelope instanceof \stdClass ) {
			return 'body is not JSON';
		}
		$fields = get_object_vars( $envelope );
		ksort( $fields );
		if ( array( 'audience', 'data', 'timestamp', 'type' ) !== array_keys( $fields ) ) {
			return 'body is not an envelope';
		}
		if ( ! is_string( $envelope->type ) || ! is_string( $envelope->audience ) || ! $envelope->data instanceof \stdClass ) {
			return 'envelope has a field of the wrong type';
		}
		if ( gmdate( 'Y-m-d\TH:i:s\Z', $timestamp ) !== $envelope->timestamp ) {
			return 'timestamps of header and body differ';
		}
		$expected = 'shop:' . Site::identity();
		return $expected === $envelope->audience ? '' : sprintf( 'audience is %s, not %s', substr( $envelope->audience, 0, 100 ), $expected );
	}

	/** The three headers of the scheme, as they were sent. @return string[] Lower-case name => value, '' where there is none. */
	public static function headers(): array {
		$names = array( 'webhook-id', 'webhook-timestamp', 'webhook-signature' );
		return array_combine( $names, array_map( array( Request::class, 'header' ), $names ) );
	}
}
