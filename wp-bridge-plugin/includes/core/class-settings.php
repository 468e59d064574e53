<?php
/**
 * What the admin decided about the connection. Typed readers only; a constant in wp-config.php wins over the option.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Typed readers: what is malformed counts as not set, never as an error. Options are autoloaded: reading them costs no query. Two methods
 * write, and only what was learnt: the sidecar's public address, the site's own.
 */
final class Settings {

	/** Option (without `smi_bridge_`) => constant that wins. */
	const CONSTANTS = array(
		'sidecar_url'     => 'SMI_BRIDGE_SIDECAR_URL',
		'public_url'      => 'SMI_BRIDGE_PUBLIC_URL',
		'secret'          => 'SMI_BRIDGE_SECRET',
		'previous_secret' => 'SMI_BRIDGE_PREVIOUS_SECRET',
		'output_format'   => 'SMI_BRIDGE_OUTPUT_FORMAT',
		'remove_data'     => 'SMI_BRIDGE_REMOVE_DATA',
		'paused'          => 'SMI_BRIDGE_PAUSED',
	);

	/** In the place of an address: nobody can reach the sidecar, it comes for its messages by itself. */
	const NO_ADDRESS = 'none';

	/** What the sidecar can be told to deliver (schemas/to-sidecar/job.paid.json). */
	const OUTPUT_FORMATS = array( 'auto', 'keep', 'jpeg', 'png', 'webp' );

	/** The sidecar's internal address without a trailing slash, e.g. `http://10.0.0.5:8321`; '' when not set or no http(s) URL. */
	public static function sidecar_url(): string {
		$url = rtrim( self::text( 'sidecar_url' ), '/' );
		return preg_match( '#^https?://[^\s/?\#]+(/[^\s?\#]*)?$#i', $url ) ? $url : '';
	}

	/** Whether the sidecar can't be reached and comes for its messages by itself (SMI_BIND=none). */
	public static function is_pulled(): bool {
		return self::NO_ADDRESS === strtolower( self::text( 'sidecar_url' ) );
	}

	/** Where browsers reach the sidecar, as it says itself (see learn_public_url()); '' when it is not public. */
	public static function public_url(): string {
		return rtrim( self::text( 'public_url' ), '/' );
	}

	/** Remembers the public address that the sidecar named in its status. @param string|null $url Address, or null. */
	public static function learn_public_url( $url ): void {
		$url = is_string( $url ) ? esc_url_raw( rtrim( $url, '/' ), array( 'http', 'https' ) ) : '';
		if ( get_option( 'smi_bridge_public_url', '' ) !== $url ) {
			update_option( 'smi_bridge_public_url', $url );
		}
	}

	/** The shared secret as written (`whsec_…`), or ''. */
	public static function secret(): string {
		return self::text( 'secret' );
	}

	/** The secret before the last change, or ''. */
	public static function previous_secret(): string {
		return self::text( 'previous_secret' );
	}

	/** What customers get: a word of OUTPUT_FORMATS; null: what the sidecar's SMI_OUTPUT_FORMAT says. */
	public static function output_format(): ?string {
		$format = self::text( 'output_format' );
		return in_array( $format, self::OUTPUT_FORMATS, true ) ? $format : null;
	}

	/** Whether a setting comes from wp-config.php and can't be changed here. @param string $name See CONSTANTS. */
	public static function is_constant( string $name ): bool {
		return isset( self::CONSTANTS[ $name ] ) && defined( self::CONSTANTS[ $name ] );
	}

	/** How long a download link lives, in hours: the shop's own setting. */
	public static function expiry_hours(): int {
		/** Filters the hours that a download link lives. */
		$hours = (int) apply_filters( 'smi_bridge_expiry_hours', (int) get_option( 'smi_download_expiry_hours', 24 ) );
		return $hours < 1 ? 24 : min( $hours, 87600 );
	}

	/** Whether address (or the word for none) and secret are there, well-formed, and the secret is one. */
	public static function is_configured(): bool {
		return ( '' !== self::sidecar_url() || self::is_pulled() ) && null !== Signature::decode_own_secret( self::secret() );
	}

	/** Whether jobs are forwarded: configured, and not a paused copy of the site. */
	public static function is_connected(): bool {
		return self::is_configured() && ! self::is_paused();
	}

	/** Whether this site must not act: an admin paused it, or it is a copy of the one that was connected (staging). */
	public static function is_paused(): bool {
		return self::is_on( 'paused' ) || Staging_Lock::is_copy();
	}

	/** Since when this bridge takes paid jobs (Unix seconds): older ones that the shop never finished wait for a person. */
	public static function connected_since(): int {
		return (int) get_option( 'smi_bridge_since', 0 );
	}

	/**
	 * Our keys for a direction: the current secret's, then the previous one's (rotation).
	 *
	 * @param string $direction TO_SIDECAR or TO_SHOP.
	 * @return string[]
	 */
	public static function keys( string $direction ): array {
		return self::derived( array( Signature::class, 'direction_key' ), $direction );
	}

	/** The keys by which the sidecar signs links, where it has none of its own. @return string[] */
	public static function link_keys(): array {
		return self::derived( array( Signature::class, 'link_key' ) );
	}

	/**
	 * A key of each secret.
	 *
	 * @param callable $derive Gets a decoded secret.
	 * @param string   ...$of  Further arguments.
	 * @return string[]
	 */
	private static function derived( callable $derive, string ...$of ): array {
		$keys = array();
		foreach ( array( self::secret(), self::previous_secret() ) as $text ) {
			$secret = Signature::decode_own_secret( $text );
			if ( null !== $secret ) {
				$keys[] = $derive( $secret, ...$of );
			}
		}
		return $keys;
	}

	/** Remembers this address as the live site's, when the bridge is connected for the first time. */
	public static function learn_site(): void {
		if ( self::is_configured() ) {
			Staging_Lock::learn();
		}
	}

	/**
	 * A setting as trimmed text.
	 *
	 * @param string $name See CONSTANTS.
	 */
	private static function text( string $name ): string {
		$value = self::is_constant( $name ) ? constant( self::CONSTANTS[ $name ] ) : get_option( 'smi_bridge_' . $name, '' );
		return is_scalar( $value ) ? trim( (string) $value ) : '';
	}

	/**
	 * Whether a switch is on: `paused`, by an admin; `remove_data`, the ledger and all options go with the plugin.
	 *
	 * @param string $name See CONSTANTS.
	 */
	public static function is_on( string $name ): bool {
		return self::is_yes( self::text( $name ) );
	}

	/** Whether a text says yes. @param string $text As an admin or a constant writes it. */
	public static function is_yes( string $text ): bool {
		return in_array( strtolower( $text ), array( '1', 'true', 'yes', 'on' ), true );
	}
}
