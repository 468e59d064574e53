<?php
/**
 * The connection string: all that a sidecar must know of this shop, in one line that `smi-sidecar setup` reads.
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
 * `smi1_<base64url of JSON>_<fingerprint>`; the fingerprint is the beginning of the SHA-256 over what stands between. It holds the
 * secret: the page shows it masked, and fetches it only when the admin asks.
 */
final class Connection_String {

	/** The string. */
	public static function text(): string {
		$payload = Signature::base64url( (string) wp_json_encode( self::facts(), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE ) );
		return 'smi1_' . $payload . '_' . self::fingerprint_of( $payload );
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
				'env'        => Env_Lines::text( false ),
				'secret'     => Settings::secret(),
			)
		);
	}

	/** Name => value; what is empty is left out. */
	private static function facts(): array {
		$uploads = wp_upload_dir( null, false );
		$lines   = Env_Lines::all();
		$key     = $lines['UPSAMPLER_API_KEY'] ?? '';
		return array_filter(
			array(
				'shop'            => Site::identity(),
				'secret'          => Settings::secret(),
				'uploads'         => (string) $uploads['basedir'],
				'uploads_url'     => $lines['SMI_UPLOADS_URL'] ?? '',
				'previous_secret' => Settings::previous_secret(),
				'upsampler_key'   => 'your-upsampler-api-key' === $key ? '' : $key,
				'user'            => self::user(),
				'bridge'          => SMI_BRIDGE_VERSION,
			),
			'strlen'
		);
	}

	/** Whom PHP runs as here, or ''. The sidecar best runs as the same. */
	private static function user(): string {
		$who = function_exists( 'posix_geteuid' ) && function_exists( 'posix_getpwuid' ) ? posix_getpwuid( posix_geteuid() ) : false;
		return is_array( $who ) ? (string) $who['name'] : '';
	}

	/** The beginning of its hash. @param string $payload What stands between. */
	private static function fingerprint_of( string $payload ): string {
		return substr( hash( 'sha256', $payload ), 0, 12 );
	}
}
