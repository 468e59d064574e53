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
 */
final class Request {

	/** Sends the answer to the visitor where PHP can. @return bool Whether nobody waits any more. */
	public static function finish(): bool {
		$finished = 'cli' === PHP_SAPI;
		foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $finish ) {
			if ( ! $finished && function_exists( $finish ) ) {
				$finished = (bool) $finish();
			}
		}
		return $finished;
	}
}
