<?php
/**
 * The present request: what it asks for, its answer, and its end, whatever other code does to it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * The one place that tells whether a request came to an address of ours, and that answers one and ends it. Decides nothing about the
 * sender: a request to an address of ours proves itself by a signature or a token.
 *
 * php-fpm and LiteSpeed can answer first and go on. mod_php and plain CGI can’t.
 *
 * An object is one piece of work for the end of the request. It is done once, by the first of three: WordPress' `shutdown`; PHP's own
 * shutdown functions, where somebody has emptied that action; the destructor, where somebody has ended the request in `shutdown`,
 * after which PHP calls no shutdown function any more.
 */
final class Request {

	/** Whether the answer is out. @var bool */
	private static $is_answered = false;
	/** Held until the request is over. @var self[] */
	private static $ends = array();
	/** What is left to do, or null. @var callable|null */
	private $work;
	/** What the work may need: PHP destroys globals that nobody else holds before it calls the destructors of others. @var object[] */
	private $globals;

	/**
	 * Whether the address is that of a route of ours, in any of its forms: the REST route behind whatever prefix, `?rest_route=`, and
	 * `/?smi-bridge=<last word>`, which needs no REST.
	 *
	 * @param string $route The REST route, `/smi-bridge/v1/…`.
	 */
	public static function is_to( string $route ): bool {
		return basename( $route ) === self::query( 'smi-bridge' ) || '/' . trim( self::query( 'rest_route' ), '/' ) === $route || substr( self::path(), -strlen( $route ) ) === $route;
	}

	/** The path of the address, without a slash at its end. */
	public static function path(): string {
		return rtrim( (string) strtok( self::sent( $_SERVER, 'REQUEST_URI' ), '?' ), '/' ); // phpcs:ignore WordPress.Security -- see sent().
	}

	/** Whether it was made by one of these methods. @param string ...$methods In capitals. */
	public static function is_by( string ...$methods ): bool {
		return in_array( $_SERVER['REQUEST_METHOD'] ?? '', $methods, true );
	}

	/** A value of the address as it was sent; '' where there is none, or a list. @param string $name Its name. */
	public static function query( string $name ): string {
		return self::sent( $_GET, $name ); // phpcs:ignore WordPress.Security -- see sent().
	}

	/** A header as it was sent; '' where there is none. @param string $name Its name, as in HTTP. */
	public static function header( string $name ): string {
		return trim( self::sent( $_SERVER, 'HTTP_' . strtoupper( strtr( $name, '-', '_' ) ) ) ); // phpcs:ignore WordPress.Security -- see sent().
	}

	/** The body; of one that is too long, a byte more than is allowed. @param int $most Bytes that are allowed. */
	public static function body( int $most ): string {
		return (string) file_get_contents( 'php://input', false, null, 0, $most + 1 ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- the request's own body.
	}

	/**
	 * A value without the slashes that WordPress adds between `plugins_loaded` and `sanitize_comment_cookies`. Nothing is sanitized: who
	 * calls compares it with a secret, or holds it against a pattern.
	 *
	 * @param array  $values Of PHP, `$_GET` or `$_SERVER`.
	 * @param string $name   Key.
	 */
	private static function sent( array $values, string $name ): string {
		$value = is_string( $values[ $name ] ?? null ) ? $values[ $name ] : '';
		return did_action( 'sanitize_comment_cookies' ) ? wp_unslash( $value ) : $value;
	}

	/** A piece of work. @param callable $work What to do. */
	private function __construct( callable $work ) {
		$this->work    = $work;
		$this->globals = array_filter( $GLOBALS, 'is_object' );
	}

	/**
	 * Does a piece of work at the end of the request, however that ends, and once.
	 *
	 * @param callable $work     What to do.
	 * @param int      $priority Its place in `shutdown`.
	 */
	public static function at_end( callable $work, int $priority ): void {
		$end          = new self( $work );
		self::$ends[] = $end;
		add_action( 'shutdown', array( $end, 'do_now' ), $priority );
		register_shutdown_function( array( $end, 'do_now' ) );
	}

	/** Does what was not done before. */
	public function do_now(): void {
		$work       = $this->work;
		$this->work = null;
		if ( $work ) {
			$work();
		}
	}

	/** The last chance. */
	public function __destruct() {
		$this->do_now();
	}

	/** Sends the answer to the visitor where PHP can. @return bool Whether nobody waits any more. */
	public static function finish(): bool {
		$finished = 'cli' === PHP_SAPI;
		foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $finish ) {
			if ( ! $finished && function_exists( $finish ) ) {
				$finish(); // False: somebody else has done it before.
				$finished = true;
			}
		}
		return $finished;
	}

	/** Whether the answer of this request is out. */
	public static function is_answered(): bool {
		return self::$is_answered;
	}

	/** The answer is out. */
	public static function answered(): void {
		self::$is_answered = true;
	}

	/** This request is answered in JSON: whatever some plugin prints from now on is no part of it; nor is the page of wp_die() or of a fatal error. */
	public static function hush(): void {
		defined( 'REST_REQUEST' ) || define( 'REST_REQUEST', true ); // Also for plugins that leave programs in peace.
		ob_start();
		foreach ( array( 'wp_die_handler', 'wp_die_json_handler' ) as $handler ) {
			add_filter(
				$handler,
				static function () {
					return array( self::class, 'end_quietly' );
				},
				PHP_INT_MAX
			);
		}
	}

	/**
	 * Takes the place of wp_die()'s page: if our answer is still to come, it comes when the request ends.
	 *
	 * @param mixed $message Words.
	 * @param mixed $title   Words.
	 * @param mixed $args    Arguments of wp_die().
	 */
	public static function end_quietly( $message, $title = '', $args = array() ): void {
		if ( ! headers_sent() ) {
			http_response_code( 500 );
		}
		Log::write( 'door_ended', is_wp_error( $message ) ? $message->get_error_message() : wp_strip_all_tags( is_string( $message ) ? $message : '' ) );
		if ( ! isset( $args['exit'] ) || $args['exit'] ) {
			die();
		}
	}

	/**
	 * Answers this request now, in JSON, and ends it.
	 *
	 * @param callable $make Makes the answer: array( HTTP status, JSON ). What anybody prints meanwhile is no part of it.
	 */
	public static function answer_now( callable $make ): void {
		self::hush();
		self::answer( ...$make() );
		exit;
	}

	/**
	 * Begins an answer: what others have printed or set in headers (redirects, cookies, encodings) is gone.
	 *
	 * @param int   $status  HTTP status.
	 * @param array $headers Name => value. Not sent if others have sent theirs already.
	 */
	public static function begin( int $status, array $headers ): void {
		while ( ob_get_level() && ( ob_get_status()['flags'] & PHP_OUTPUT_HANDLER_REMOVABLE ) ) {
			ob_end_clean();
		}
		if ( headers_sent() ) {
			return;
		}
		header_remove();
		http_response_code( $status );
		foreach ( $headers as $name => $value ) {
			header( $name . ': ' . $value );
		}
	}

	/**
	 * Sends an answer in JSON and lets the sender go. What is printed later is nobody's.
	 *
	 * @param int    $status HTTP status.
	 * @param string $json   Body.
	 */
	public static function answer( int $status, string $json ): void {
		self::answered();
		self::begin(
			$status,
			array(
				'Cache-Control'   => 'no-store',
				'Referrer-Policy' => 'no-referrer', // It may name a job.
				'Content-Type'    => 'application/json; charset=UTF-8',
				'X-Robots-Tag'    => 'noindex',
				'Content-Length'  => strlen( $json ),
			)
		);
		echo $json; // phpcs:ignore WordPress.Security.EscapeOutput -- JSON.
		flush();
		self::finish();
		ob_start(
			static function () {
				return '';
			}
		);
	}
}
