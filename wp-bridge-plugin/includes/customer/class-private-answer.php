<?php
/**
 * Answers that name a job or hold a link stay with the visitor who asked: no cache keeps them, no other site hears their address.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

defined( 'ABSPATH' ) || exit;

/**
 * Page caches heed different things; all of them are said. Decides nothing about who may see what (Status_Access does).
 */
final class Private_Answer {

	const HEADERS = array(
		'Cache-Control'             => 'no-store, private',
		'CDN-Cache-Control'         => 'no-store',
		'Surrogate-Control'         => 'no-store',
		'X-Accel-Expires'           => '0', // nginx.
		'X-LiteSpeed-Cache-Control' => 'no-cache',
		'X-Robots-Tag'              => 'noindex, nofollow',
	);

	/** Tells plugins that cache pages. Also for a page that has begun already. */
	public static function mark(): void {
		defined( 'DONOTCACHEPAGE' ) || define( 'DONOTCACHEPAGE', true );
		/** LiteSpeed Cache's own. */
		do_action( 'litespeed_control_set_nocache', 'a job of a customer' ); // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals -- theirs.
	}

	/** Sends the headers, unless the page has begun. @param string $policy `Referrer-Policy`. */
	public static function send( string $policy ): void {
		if ( headers_sent() ) {
			return;
		}
		foreach ( self::HEADERS + array( 'Referrer-Policy' => $policy ) as $name => $value ) {
			header( $name . ': ' . $value );
		}
	}

	/** The same for an answer of REST. @param \WP_REST_Response $response The answer. */
	public static function rest( \WP_REST_Response $response ): void {
		self::mark();
		foreach ( self::HEADERS + array( 'Referrer-Policy' => 'no-referrer' ) as $name => $value ) {
			$response->header( $name, $value );
		}
	}
}
