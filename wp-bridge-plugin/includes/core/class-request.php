<?php
/**
 * The answer of a request and its end: before work that the visitor need not wait for, and whatever other code does to it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * php-fpm and LiteSpeed can answer first and go on. mod_php and plain CGI can’t.
 *
 * An object is one piece of work for the end of the request. It is done once, by whoever comes first: WordPress' `shutdown`; PHP's own
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
	 * Sends an answer in JSON and lets the sender go. What is printed later is nobody's.
	 *
	 * @param int    $status HTTP status.
	 * @param string $json   Body.
	 */
	public static function answer( int $status, string $json ): void {
		self::answered();
		while ( ob_get_level() && ( ob_get_status()['flags'] & PHP_OUTPUT_HANDLER_REMOVABLE ) ) {
			ob_end_clean();
		}
		if ( ! headers_sent() ) {
			header_remove(); // Redirects, cookies and encodings of others.
			http_response_code( $status );
			header( 'Cache-Control: no-store' );
			header( 'Content-Type: application/json; charset=UTF-8' );
			header( 'X-Robots-Tag: noindex' );
			header( 'Content-Length: ' . strlen( $json ) );
		}
		echo $json; // phpcs:ignore WordPress.Security.EscapeOutput -- JSON.
		flush();
		Request::finish();
		ob_start(
			static function () {
				return '';
			}
		);
	}
}
