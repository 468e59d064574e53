<?php
/**
 * Changes of the secret, and of which address is the live site. Forms only: each needs its nonce.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Log;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Staging_Lock;

defined( 'ABSPATH' ) || exit;

/**
 * A change keeps the old secret accepted on both sides until the admin says that the sidecar has the new one.
 */
final class Secret_Change {

	/** Handles "make a new secret" and "forget the old one". */
	public static function handle(): void {
		Admin_Access::check_form( 'smi_bridge_secret' );
		$what = isset( $_POST['what'] ) ? sanitize_key( $_POST['what'] ) : ''; // phpcs:ignore WordPress.Security.NonceVerification -- checked above.
		if ( Settings::is_constant( 'secret' ) || Settings::is_constant( 'previous_secret' ) ) {
			self::back( 'constant' );
		}
		if ( 'new' === $what && '' !== Settings::previous_secret() ) {
			self::back( 'unfinished' ); // The page is old, or the button was pressed twice: the sidecar may still have the one before.
		}
		if ( 'new' === $what ) {
			update_option( 'smi_bridge_previous_secret', null === Signature::decode_own_secret( Settings::secret() ) ? '' : Settings::secret() );
			update_option( 'smi_bridge_secret', Signature::new_secret() );
			Log::write( 'secret_changed', 'An admin made a new secret; the old one stays accepted.', array( 'user' => get_current_user_id() ) );
			self::back( 'new' );
		}
		if ( 'forget' === $what ) {
			update_option( 'smi_bridge_previous_secret', '' );
			Log::write( 'secret_forgotten', 'An admin ended the change of the secret.', array( 'user' => get_current_user_id() ) );
			self::back( 'forgotten' );
		}
		self::back( '' );
	}

	/** Handles "this address is the live site now". */
	public static function lock_site(): void {
		Admin_Access::check_form( 'smi_bridge_lock_site' );
		Staging_Lock::lock();
		Log::write( 'site_locked', 'An admin confirmed this address as the live site.', array( 'user' => get_current_user_id() ) );
		self::back( 'locked' );
	}

	/** What to say after a change. @param string $code As in the address. */
	public static function message( string $code ): string {
		return Schemas::words( 'pages', 'changed' )[ $code ] ?? '';
	}

	/** Back to the settings. @param string $code See message(). */
	private static function back( string $code ): void {
		wp_safe_redirect( Admin_Access::url( 'settings', '' === $code ? array() : array( 'smi_bridge_done' => $code ) ) );
		exit;
	}
}
