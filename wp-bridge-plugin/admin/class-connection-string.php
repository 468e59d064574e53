<?php
/**
 * All that a sidecar must know of this shop: the connection string, one line that `smi-sidecar setup` reads, and the same as lines for
 * its `.env`.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Site;

defined( 'ABSPATH' ) || exit;

/**
 * `smi1_<base64url of JSON>_<fingerprint>`; the fingerprint is the beginning of the SHA-256 over what stands between. Secrets are masked in
 * the page and fetched only when the admin asks, so that they are in no cached page and no screenshot.
 */
final class Connection_String {

	/** Line in `.env` => fact. */
	const ENV = array(
		'SMI_SHOP_URL'        => 'shop',
		'SMI_SECRET'          => 'secret',
		'SMI_PREVIOUS_SECRET' => 'previous_secret',
		'SMI_UPLOADS_DIR'     => 'uploads',
		'SMI_UPLOADS_URL'     => 'uploads_url',
		'SMI_BIND'            => 'bind',
		'SMI_PUBLIC_URL'      => 'public_url',
		'UPSAMPLER_API_KEY'   => 'upsampler_key',
	);

	/** Facts that are secret. */
	const SECRET = array( 'secret', 'previous_secret', 'upsampler_key' );

	/** Facts that setup decides by itself. */
	const ENV_ONLY = array( 'bind', 'public_url' );

	/** The string. */
	public static function text(): string {
		$facts   = array_diff_key( self::facts(), array_flip( self::ENV_ONLY ) );
		$payload = Signature::base64url( (string) wp_json_encode( $facts, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE ) );
		return 'smi1_' . $payload . '_' . substr( hash( 'sha256', $payload ), 0, 12 );
	}

	/** What tells two strings apart; not secret. */
	public static function fingerprint(): string {
		return substr( self::text(), -12 );
	}

	/** The string as the page shows it before somebody asks. */
	public static function masked(): string {
		return 'smi1_' . str_repeat( '•', 24 ) . '_' . self::fingerprint();
	}

	/** AJAX: all that is secret on the page. */
	public static function answer(): void {
		Admin_Access::check_ajax();
		nocache_headers();
		wp_send_json_success(
			array(
				'connection' => self::text(),
				'env'        => self::env( false ),
				'secret'     => Settings::secret(),
			)
		);
	}

	/** Lines for `.env`. @param bool $masked Whether secrets are hidden. */
	public static function env( bool $masked ): string {
		$facts = self::facts();
		$text  = isset( $facts['upsampler_key'] ) ? '' : "UPSAMPLER_API_KEY=your-upsampler-api-key\n";
		foreach ( array_reverse( self::ENV ) as $name => $fact ) {
			if ( isset( $facts[ $fact ] ) ) {
				$text = $name . '=' . ( $masked && in_array( $fact, self::SECRET, true ) ? self::mask( $facts[ $fact ] ) : self::quoted( $facts[ $fact ] ) ) . "\n" . $text;
			}
		}
		return $text;
	}

	/** Beginning and length stay visible, so that two secrets can be told apart. @param string $secret A secret. */
	public static function mask( string $secret ): string {
		return '' === $secret ? '' : substr( $secret, 0, 0 === strpos( $secret, 'whsec_' ) ? 10 : 2 ) . str_repeat( '•', 24 );
	}

	/** Name => value, secrets in the clear; what is empty is left out. @return string[] */
	private static function facts(): array {
		$uploads = wp_upload_dir( null, false );
		$public  = '' === Settings::public_url() ? home_url( '/smi' ) : Settings::public_url();
		return array_filter(
			array(
				'shop'            => Site::identity(),
				'secret'          => Settings::secret(),
				'uploads'         => (string) $uploads['basedir'],
				'uploads_url'     => Site::identity() . '/wp-content/uploads' === $uploads['baseurl'] ? '' : (string) $uploads['baseurl'],
				'previous_secret' => Settings::previous_secret(),
				'upsampler_key'   => (string) get_option( 'smi_upsampler_api_key', '' ),
				'user'            => self::user(),
				'bridge'          => SMI_BRIDGE_VERSION,
				'bind'            => Settings::is_pulled() ? Settings::NO_ADDRESS : '',
				'public_url'      => Settings::is_pulled() ? '' : $public,
			),
			'strlen'
		);
	}

	/** Whom PHP runs as here, or ''. The sidecar best runs as the same. */
	private static function user(): string {
		$who = function_exists( 'posix_geteuid' ) && function_exists( 'posix_getpwuid' ) ? posix_getpwuid( posix_geteuid() ) : false;
		return is_array( $who ) ? (string) $who['name'] : '';
	}

	/** A value as dotenv reads it back. @param string $value Any text. */
	private static function quoted( string $value ): string {
		return preg_match( '/^[A-Za-z0-9_.:\/@%+=,~-]*$/', $value ) ? $value : "'" . str_replace( array( '\\', "'", "\n", "\r" ), array( '\\\\', "\\'", '', '' ), $value ) . "'";
	}
}
