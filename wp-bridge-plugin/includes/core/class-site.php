<?php
/**
 * The identity of this site in messages.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * The stored address, never one that depends on the request: by another host name this would be another site.
 */
final class Site {

	/** The site's name where it must be short (contract, part 5): of its address without the scheme, 10 hex digits. */
	public static function hash(): string {
		$parts = explode( '://', self::identity(), 2 );
		return substr( hash( 'sha256', $parts[1] ?? '' ), 0, 10 );
	}

	/**
	 * Who we are in messages (contract, part 1): the home address, scheme and host in lower case, no trailing slash.
	 * The stored option, not home_url(), whose answer depends on the request (TLS, translation plugins).
	 */
	public static function identity(): string {
		$home = rtrim( trim( (string) get_option( 'home' ) ), '/' );
		if ( preg_match( '#^([a-z][a-z0-9+.-]*://[^/]*)(.*)$#is', $home, $parts ) ) {
			$home = strtolower( $parts[1] ) . $parts[2];
		}
		/** Filters the site's identity in messages; SMI_SHOP_URL of the sidecar must be the same. */
		return (string) apply_filters( 'smi_bridge_site', $home );
	}
}
