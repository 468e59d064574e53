<?php
/**
 * A CDN before the folder of finished files, for what the shop hands out itself: signed addresses, and whether it delivers.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Files;

use SmiBridge\Core\Cdn_Links;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Constants of wp-config.php, `SMI_BRIDGE_CDN_URL`, `_SIGNING`, `_KEY`, `_KEY_ID` and `_LINK_S`, say what the sidecar's `SMI_CDN_…` say.
 * The key stands nowhere else: not in the database, and not at a sidecar that hands out no files.
 *
 * It is looked at after the sidecar's visits, so that no customer's request waits to find out.
 */
final class Cdn {

	const OPTION   = 'smi_bridge_cdn';
	const SIGNINGS = array( 'secure-link', 'bunny', 'cloudfront' );

	/** Whether there is one. */
	public static function is_set(): bool {
		return '' !== self::setting( 'URL' );
	}

	/**
	 * Where a file is to be had for some minutes; '': not there, the CDN has not delivered lately.
	 *
	 * @param string $path    Relative to smi-downloads.
	 * @param string $version Of its content.
	 * @param string $name    What it is to be saved as, for a CDN that heeds it (deploy/nginx-cdn.conf).
	 */
	public static function address( string $path, string $version, string $name ): string {
		return self::is_set() && '' === self::fault() ? self::signed( $path, $version, $name ) : '';
	}

	/** Why no file goes there, or ''. */
	public static function fault(): string {
		$seen = get_option( self::OPTION );
		$why  = self::settings_fault();
		return '' !== $why ? $why : ( is_array( $seen ) && $seen['at'] > time() - Time_Limits::CDN_SEEN && self::settings_mark() === ( $seen['of'] ?? '' ) ? $seen['why'] : 'nobody has looked at it lately: that is done at the sidecar’s visits, every minute' );
	}

	/** The small file by which it is looked at, without a signature: its address opens nothing. */
	public static function probe_address(): string {
		return self::plain( self::probe() ) . '?v=probe';
	}

	/** One check; takes some seconds at the most. */
	public static function check(): void {
		Request::finish(); // The sidecar does not wait for the CDN.
		$before = self::fault();
		$why    = self::settings_fault();
		$why    = '' === $why ? self::found() : $why;
		if ( '' === $why && '' !== $before ) {
			Log::write( 'cdn_reached', 'The CDN delivers: downloads are sent there.' );
		} elseif ( '' !== $why && $why !== $before ) {
			Log::write( 'cdn_away', "The CDN does not deliver, the shop sends the files itself: $why" );
		}
		update_option( self::OPTION, array( 'at' => time(), 'of' => self::settings_mark(), 'why' => $why ), false ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** Fetches a small file by way of the CDN. @return string '', or what came instead. */
	private static function found(): string {
		$file = self::probe();
		$text = 'smi ' . basename( $file ) . "\n";
		$path = Shop::folder() . '/' . $file;
		// phpcs:ignore WordPress.WP.AlternativeFunctions -- no user is there who could give credentials.
		if ( ! is_file( $path ) && ( ! Stored_Files::prepare( Stored_Files::PROBES ) || strlen( $text ) !== file_put_contents( $path, $text ) ) ) {
			return 'no file can be written into ' . dirname( $path );
		}
		Stored_Files::forget_old( Stored_Files::PROBES, 2 * HOUR_IN_SECONDS );
		$how    = array( 'timeout' => 3, 'redirection' => 0, 'limit_response_size' => 100 ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		$signed = self::signed( $file, 'probe', 'probe' );
		$answer = '' === $signed ? new \WP_Error( 'key', 'SMI_BRIDGE_CDN_KEY must be an RSA key in PEM, and PHP’s openssl is needed' ) : wp_remote_get( $signed, $how );
		if ( is_wp_error( $answer ) ) {
			return $answer->get_error_message();
		}
		$status = wp_remote_retrieve_response_code( $answer );
		return 200 !== $status ? "it answers $status" : ( wp_remote_retrieve_body( $answer ) === $text ? '' : 'it answers with something else' );
	}

	/** The small file; each hour has its own, since what the CDN has kept says nothing about the way to the origin. */
	private static function probe(): string {
		return Stored_Files::PROBES . '/' . (int) ( time() / HOUR_IN_SECONDS ) . '.txt';
	}

	/** The address without a signature. @param string $path Relative to smi-downloads. */
	private static function plain( string $path ): string {
		return rtrim( self::setting( 'URL' ), '/' ) . '/' . $path;
	}

	/** Signs an address. @param string $path See address(). @param string $version See address(). @param string $name See address(). */
	private static function signed( string $path, string $version, string $name ): string {
		$url = self::plain( $path ) . '?v=' . rawurlencode( $version );
		$end = time() + min( 3600, max( 60, (int) self::setting( 'LINK_S', '300' ) ) );
		switch ( self::setting( 'SIGNING', 'secure-link' ) ) {
			case 'bunny':
				return Cdn_Links::bunny( $url, self::key(), $end );
			case 'cloudfront':
				return Cdn_Links::cloudfront( $url, self::key(), $end, self::setting( 'KEY_ID' ) );
			default:
				return Cdn_Links::secure_link( $url . '&name=' . rawurlencode( $name ), self::key(), $end );
		}
	}

	/** What is wrong with the constants, or ''. Never shows the key. */
	private static function settings_fault(): string {
		$how = self::setting( 'SIGNING', 'secure-link' );
		if ( ! preg_match( '#^https?://[^\s/?\#"]+(/[^\s?\#"]*)?\z#i', self::setting( 'URL' ) ) ) {
			return 'SMI_BRIDGE_CDN_URL must be an http or https address without a query';
		}
		if ( ! in_array( $how, self::SIGNINGS, true ) ) {
			return 'SMI_BRIDGE_CDN_SIGNING must be one of ' . implode( ', ', self::SIGNINGS );
		}
		if ( ! Cdn_Links::is_key( self::key() ) ) {
			return 'SMI_BRIDGE_CDN_KEY must have at least 16 characters, and must not be the example of a documentation';
		}
		if ( 'cloudfront' === $how && '' === self::setting( 'KEY_ID' ) ) {
			return 'SMI_BRIDGE_CDN_KEY_ID is missing';
		}
		return '';
	}

	/** Tells the constants from others, and not what they are: what was found is true of these only. */
	public static function settings_mark(): string {
		return wp_hash( implode( "\n", array_map( array( self::class, 'setting' ), array( 'URL', 'SIGNING', 'KEY', 'KEY_ID' ) ) ) );
	}

	/** The key; line ends of a PEM may be written as a backslash and an n. */
	private static function key(): string {
		return str_replace( '\n', "\n", self::setting( 'KEY' ) );
	}

	/** A constant as trimmed text. @param string $name The last part of its name. @param string $default Where it is not there, or empty. */
	private static function setting( string $name, string $default = '' ): string {
		$value = defined( 'SMI_BRIDGE_CDN_' . $name ) ? constant( 'SMI_BRIDGE_CDN_' . $name ) : '';
		$value = is_scalar( $value ) ? trim( (string) $value ) : '';
		return '' === $value ? $default : $value;
	}
}
