<?php
/**
 * The lines that go into the sidecar's `.env` by hand, ready to copy; setup reads the connection string instead.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Settings;
use SmiBridge\Core\Site;

defined( 'ABSPATH' ) || exit;

/**
 * Secrets are masked in the page and fetched only when the admin asks, so that they are in no cached page and no screenshot.
 */
final class Env_Lines {

	/** Names whose values are secret. */
	const SECRET = array( 'SMI_SECRET', 'SMI_PREVIOUS_SECRET', 'UPSAMPLER_API_KEY' );

	/** Name => value, in the order of the file, secrets in the clear; what is empty is left out. @return string[] */
	public static function all(): array {
		$uploads = wp_upload_dir( null, false );
		$lines   = array(
			'SMI_SHOP_URL'        => Site::identity(),
			'SMI_SECRET'          => Settings::secret(),
			'SMI_PREVIOUS_SECRET' => Settings::previous_secret(),
			'SMI_UPLOADS_DIR'     => (string) $uploads['basedir'],
			'SMI_UPLOADS_URL'     => Site::identity() . '/wp-content/uploads' === $uploads['baseurl'] ? '' : (string) $uploads['baseurl'],
			'SMI_BIND'            => Settings::is_pulled() ? Settings::NO_ADDRESS : '',
			'SMI_PUBLIC_URL'      => self::public_url(),
			'UPSAMPLER_API_KEY'   => (string) get_option( 'smi_upsampler_api_key', '' ),
		);
		if ( '' === $lines['UPSAMPLER_API_KEY'] ) {
			$lines['UPSAMPLER_API_KEY'] = 'your-upsampler-api-key';
		}
		return array_filter( $lines, 'strlen' );
	}

	/** Where browsers reach the sidecar, or will; '': nobody does. */
	private static function public_url(): string {
		if ( Settings::is_pulled() ) {
			return '';
		}
		return '' === Settings::public_url() ? home_url( '/smi' ) : Settings::public_url();
	}

	/**
	 * The lines as text.
	 *
	 * @param bool $masked Whether secrets are hidden.
	 */
	public static function text( bool $masked ): string {
		$text = '';
		foreach ( self::all() as $name => $value ) {
			$hidden = $masked && in_array( $name, self::SECRET, true ) && 'your-upsampler-api-key' !== $value;
			$text  .= $name . '=' . ( $hidden ? self::mask( $value ) : self::quoted( $value ) ) . "\n";
		}
		return $text;
	}

	/** Beginning and length stay visible, so that two secrets can be told apart. @param string $secret A secret. */
	public static function mask( string $secret ): string {
		return '' === $secret ? '' : substr( $secret, 0, 0 === strpos( $secret, 'whsec_' ) ? 10 : 2 ) . str_repeat( '•', 24 );
	}

	/** A value as dotenv reads it back. @param string $value Any text. */
	private static function quoted( string $value ): string {
		return preg_match( '/^[A-Za-z0-9_.:\/@%+=,~-]*$/', $value ) ? $value : "'" . str_replace( array( '\\', "'", "\n", "\r" ), array( '\\\\', "\\'", '', '' ), $value ) . "'";
	}
}
