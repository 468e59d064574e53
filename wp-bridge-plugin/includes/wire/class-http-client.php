<?php
/**
 * Carries HTTP requests to the sidecar's address, which an admin set: no redirects, no proxies, short patience.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.WP.AlternativeFunctions -- one connection for several requests, and a connect timeout below one second, are beyond wp_remote_post().

/**
 * One curl handle, so that several requests share a connection; wp_remote_post() where PHP has no curl. Throws nothing, repeats nothing:
 * whatever goes wrong is status 0 with a code.
 */
final class Http_Client {

	/** Milliseconds to connect. @var int */
	private $connect_ms;
	/** Milliseconds for a whole request. @var int */
	private $total_ms;
	/** The curl handle, or null. @var resource|\CurlHandle|null */
	private $handle = null;
	/** Whether the connection ends with the next answer. @var bool */
	private $hangs_up = false;

	/**
	 * A client with its time limits.
	 *
	 * @param int $connect_ms Milliseconds to connect.
	 * @param int $total_ms   Milliseconds for a whole request.
	 */
	public function __construct( int $connect_ms = 1000, int $total_ms = 5000 ) {
		$this->connect_ms = $connect_ms;
		$this->total_ms   = $total_ms;
	}

	/** The next request is the last one: the sidecar may close the connection with its answer, instead of watching it. */
	public function close_after_next(): void {
		$this->hangs_up = true;
	}

	/**
	 * Posts a body.
	 *
	 * @param string   $url     Address.
	 * @param string   $body    Bytes.
	 * @param string[] $headers Name => value.
	 * @return array {status: int (0: no answer), headers: lower-case name => value, body: string, error: '' or 'refused', 'dns', 'timeout', 'tls', 'network', message: string, ms: float}
	 */
	public function post( string $url, string $body, array $headers ): array {
		/**
		 * Carries a request to the sidecar instead of the bridge, or forbids it: return an array as Http_Client::post() does.
		 *
		 * @param array|null $answer  Null: the bridge carries it.
		 * @param string     $url     Address.
		 * @param string     $body    Bytes.
		 * @param array      $headers Headers.
		 */
		$answer = apply_filters( 'smi_bridge_pre_send', null, $url, $body, $headers );
		$began  = microtime( true );
		if ( ! is_array( $answer ) ) {
			$answer = function_exists( 'curl_init' ) ? $this->by_curl( $url, $body, $headers ) : $this->by_wordpress( $url, $body, $headers );
		}
		$nothing = array(
			'status'  => 0,
			'headers' => array(),
			'body'    => '',
			'error'   => '',
			'message' => '',
			'ms'      => ( microtime( true ) - $began ) * 1000,
		);
		return $answer + $nothing;
	}

	/**
	 * By curl.
	 *
	 * @param string   $url     Address.
	 * @param string   $body    Bytes.
	 * @param string[] $headers Name => value.
	 */
	private function by_curl( string $url, string $body, array $headers ): array {
		$this->handle = $this->handle ?? curl_init();
		$lines        = $this->hangs_up ? array( 'Expect:', 'Connection: close' ) : array( 'Expect:' );
		foreach ( $headers as $name => $value ) {
			$lines[] = $name . ': ' . $value;
		}
		$received = array();
		curl_setopt_array(
			$this->handle,
			array(
				CURLOPT_URL               => $url,
				CURLOPT_POST              => true,
				CURLOPT_POSTFIELDS        => $body,
				CURLOPT_HTTPHEADER        => $lines,
				CURLOPT_RETURNTRANSFER    => true,
				CURLOPT_FOLLOWLOCATION    => false,
				CURLOPT_CONNECTTIMEOUT_MS => $this->connect_ms,
				CURLOPT_TIMEOUT_MS        => $this->total_ms,
				CURLOPT_NOSIGNAL          => true,
				CURLOPT_PROXY             => '',
				CURLOPT_PROTOCOLS         => CURLPROTO_HTTP | CURLPROTO_HTTPS,
				CURLOPT_CAINFO            => ABSPATH . WPINC . '/certificates/ca-bundle.crt',
				CURLOPT_USERAGENT         => 'smi-bridge/' . SMI_BRIDGE_VERSION,
				CURLOPT_HEADERFUNCTION    => static function ( $handle, $line ) use ( &$received ) {
					$parts = explode( ':', $line, 2 );
					if ( isset( $parts[1] ) ) {
						$received[ strtolower( trim( $parts[0] ) ) ] = trim( $parts[1] );
					}
					return strlen( $line );
				},
			)
		);
		/** Fires before curl is used: for a private certificate authority, a socket, … */
		do_action_ref_array( 'smi_bridge_curl', array( &$this->handle, $url ) );
		$answer = curl_exec( $this->handle );
		if ( false === $answer ) {
			return array(
				'error'   => self::word( curl_errno( $this->handle ) ),
				'message' => curl_error( $this->handle ),
			);
		}
		return array(
			'status'  => (int) curl_getinfo( $this->handle, CURLINFO_RESPONSE_CODE ),
			'headers' => $received,
			'body'    => (string) $answer,
		);
	}

	/**
	 * By WordPress.
	 *
	 * @param string   $url     Address.
	 * @param string   $body    Bytes.
	 * @param string[] $headers Name => value.
	 */
	private function by_wordpress( string $url, string $body, array $headers ): array {
		$answer = wp_remote_post(
			$url,
			array(
				'body'        => $body,
				'headers'     => $headers,
				'timeout'     => $this->total_ms / 1000,
				'redirection' => 0,
			)
		);
		if ( is_wp_error( $answer ) ) {
			$message = $answer->get_error_message();
			$known   = array(
				'refused' => '/refused|(failed|couldn.t) (to )?connect/i',
				'dns'     => '/resolve|getaddrinfo/i',
				'timeout' => '/timed? ?out/i',
				'tls'     => '/ssl|certificate/i',
			);
			foreach ( $known as $word => $pattern ) {
				if ( preg_match( $pattern, $message ) ) {
					return compact( 'message' ) + array( 'error' => $word );
				}
			}
			return compact( 'message' ) + array( 'error' => 'network' );
		}
		$headers = wp_remote_retrieve_headers( $answer );
		return array(
			'status'  => (int) wp_remote_retrieve_response_code( $answer ),
			'headers' => array_change_key_case( is_object( $headers ) ? $headers->getAll() : (array) $headers ),
			'body'    => wp_remote_retrieve_body( $answer ),
		);
	}

	/**
	 * Our word for one of curl's errors.
	 *
	 * @param int $number CURLE_….
	 */
	private static function word( int $number ): string {
		$words = array(
			CURLE_COULDNT_RESOLVE_HOST => 'dns',
			CURLE_COULDNT_CONNECT      => 'refused',
			CURLE_OPERATION_TIMEOUTED  => 'timeout',
			CURLE_SSL_CONNECT_ERROR    => 'tls',
			CURLE_SSL_CACERT           => 'tls',
			51                         => 'tls',
			77                         => 'tls',
		);
		return $words[ $number ] ?? 'network';
	}
}
