<?php
/**
 * The end of the visitor’s request, before work that he need not wait for.
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
}
