<?php
/**
 * Tells the admin of a copied site that the bridge is paused there, and asks which site this is.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Log;
use SmiBridge\Core\Site;
use SmiBridge\Core\Staging_Lock;

defined( 'ABSPATH' ) || exit;

/**
 * On every page of wp-admin, until somebody has answered: it must not be overlooked on a site that has moved.
 */
final class Staging_Notice {

	/** Shows the notice; on the settings page also when somebody has answered, or a constant has. */
	public static function show(): void {
		$screen   = get_current_screen();
		$answered = Staging_Lock::is_fixed() || Staging_Lock::is_kept_paused();
		if ( ! Admin_Access::may() || ! Staging_Lock::is_copy() || ( $answered && ! ( $screen && false !== strpos( $screen->id, 'smi-bridge-settings' ) ) ) ) {
			return;
		}
		echo '<div class="notice notice-warning smib-copy"><p><strong>' . esc_html__( 'SMI Bridge is paused: this site looks like a copy.', 'smi-bridge' ) . '</strong> ';
		$live = Staging_Lock::other_site();
		if ( '' !== $live ) {
			/* translators: 1: address of the live site, 2: address of this site */
			echo esc_html( sprintf( __( 'The bridge was connected as %1$s, and this is %2$s.', 'smi-bridge' ), $live, Site::identity() ) ) . ' ';
		}
		esc_html_e( 'Nothing is forwarded, mailed or refunded from here.', 'smi-bridge' );
		if ( Staging_Lock::is_fixed() ) {
			echo ' ' . esc_html__( 'A constant in wp-config.php says so; this can’t be changed here.', 'smi-bridge' ) . '</p></div>';
			return;
		}
		echo '</p><div style="display:flex;gap:8px;flex-wrap:wrap">';
		self::button( 'smi_bridge_lock_site', __( 'This is the live site now', 'smi-bridge' ) );
		self::button( 'smi_bridge_keep_paused', __( 'Keep it paused', 'smi-bridge' ) );
		echo '</div></div>';
	}

	/** Handles "keep it paused". "This is the live site now" is Secret_Change::lock_site(). */
	public static function keep_paused(): void {
		Admin_Access::check_form( 'smi_bridge_keep_paused' );
		Staging_Lock::keep_paused();
		Log::write( 'copy_kept_paused', 'An admin wants this copy to stay paused.', array( 'user' => get_current_user_id() ) );
		$back = wp_get_referer();
		wp_safe_redirect( $back ? $back : admin_url() );
		exit;
	}

	/**
	 * Prints a form of one button.
	 *
	 * @param string $action Action of admin-post.php, and of the nonce.
	 * @param string $label  Plain text.
	 */
	private static function button( string $action, string $label ): void {
		printf( '<form method="post" action="%s" style="margin-block:8px"><input type="hidden" name="action" value="%s">', esc_url( admin_url( 'admin-post.php' ) ), esc_attr( $action ) );
		wp_nonce_field( $action, '_wpnonce', true );
		printf( '<button class="button">%s</button></form>', esc_html( $label ) );
	}
}
