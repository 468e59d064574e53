<?php
/**
 * The lock of copied sites: a copy of the shop (staging, a restored backup) has the live site's jobs and secret, and must not act on them.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * The live site's address is learnt when the bridge is first connected. A site with another address pauses itself: it forwards
 * nothing, mails nothing, refunds nothing, and its door refuses everybody. `SMI_BRIDGE_STAGING` in wp-config.php decides instead:
 * true is always a copy, false never.
 */
final class Staging_Lock {

	/** The live site's address, in two halves; '' before the first connection. */
	const OPTION = 'smi_bridge_site_lock';

	/** The copy's address, in two halves, that an admin wants to stay paused without being told again. */
	const KEPT = 'smi_bridge_kept_paused';

	const CONSTANT = 'SMI_BRIDGE_STAGING';

	/** Whether this site is a copy of the one that was connected. */
	public static function is_copy(): bool {
		if ( defined( self::CONSTANT ) ) {
			return wp_validate_boolean( constant( self::CONSTANT ) );
		}
		return '' !== self::other_site();
	}

	/** Whether wp-config.php decides. */
	public static function is_fixed(): bool {
		return defined( self::CONSTANT );
	}

	/** The address of the live site; '' when the bridge was never connected. */
	public static function live_site(): string {
		return self::joined( get_option( self::OPTION ) );
	}

	/** The address of the live site, where that is another one than this; else ''. */
	public static function other_site(): string {
		$live = self::live_site();
		return self::place( $live ) === self::place( Site::identity() ) ? '' : $live;
	}

	/** Remembers this address as the live site's, unless one is known. */
	public static function learn(): void {
		if ( ! get_option( self::OPTION ) && ! self::is_fixed() ) {
			self::lock();
		}
	}

	/** An admin says: this address is the live site now. */
	public static function lock(): void {
		update_option( self::OPTION, self::halves( Site::identity() ) );
		delete_option( self::KEPT );
	}

	/** An admin says: this copy stays paused, and need not say so on every page. */
	public static function keep_paused(): void {
		update_option( self::KEPT, self::halves( Site::identity() ), false );
	}

	/** Whether an admin has said so for this very address. */
	public static function is_kept_paused(): bool {
		return self::joined( get_option( self::KEPT ) ) === Site::identity();
	}

	/**
	 * What tells two sites apart: a site that has moved to https is still the same one.
	 *
	 * @param string $site Address.
	 */
	private static function place( string $site ): string {
		return (string) preg_replace( '#^[a-z][a-z0-9+.-]*://#i', '', $site );
	}

	/**
	 * An address in two halves: the characters in odd and those in even places. No search-and-replace over the database finds
	 * an address in there, nor any part of one that is longer than a letter.
	 *
	 * @param string $site Address.
	 */
	private static function halves( string $site ): array {
		$halves = array( '', '' );
		foreach ( str_split( $site ) as $place => $letter ) {
			$halves[ $place % 2 ] .= $letter;
		}
		return $halves;
	}

	/**
	 * The address again, or ''.
	 *
	 * @param mixed $halves As stored.
	 */
	private static function joined( $halves ): string {
		if ( ! is_array( $halves ) || ! isset( $halves[0], $halves[1] ) ) {
			return '';
		}
		$site = '';
		for ( $place = 0; $place < strlen( $halves[0] ); $place++ ) {
			$site .= $halves[0][ $place ] . ( $halves[1][ $place ] ?? '' );
		}
		return $site;
	}
}
