<?php
/**
 * Shows a mail as it will look, and sends one to the admin who asks. Uses made-up facts, never a customer's.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Mail\Mail;

defined( 'ABSPATH' ) || exit;

/**
 * AJAX `smi_bridge_mail_preview` (an HTML page for a frame) and `smi_bridge_mail_test`.
 */
final class Mail_Preview {

	/** The address of a preview. @param string $kind Kind of mail. */
	public static function url( string $kind ): string {
		return add_query_arg(
			array(
				'action'   => 'smi_bridge_mail_preview',
				'kind'     => $kind,
				'_wpnonce' => wp_create_nonce( 'smi_bridge_mail_preview' ),
			),
			admin_url( 'admin-ajax.php' )
		);
	}

	/** Prints a mail's HTML. Scripts are forbidden in it, wherever a template or a filter put them. */
	public static function show(): void {
		Admin_Access::check_form( 'smi_bridge_mail_preview' );
		$kind = self::kind( isset( $_GET['kind'] ) ? sanitize_key( $_GET['kind'] ) : '' );
		nocache_headers();
		header( 'Content-Type: text/html; charset=UTF-8' );
		header( "Content-Security-Policy: default-src 'none'; img-src * data:; style-src 'unsafe-inline'" );
		$mail = Mail::compose( $kind, self::facts( $kind ) );
		echo $mail->html(); // phpcs:ignore WordPress.Security.EscapeOutput -- a whole document of our templates, without scripts.
		exit;
	}

	/** AJAX: sends a mail of that kind to the present user. */
	public static function send(): void {
		Admin_Access::check_ajax();
		$kind = self::kind( isset( $_POST['kind'] ) ? sanitize_key( $_POST['kind'] ) : '' ); // phpcs:ignore WordPress.Security.NonceVerification -- checked above.
		$to   = wp_get_current_user()->user_email;
		$sent = is_email( $to ) ? Mail::deliver( array( $to ), $kind, self::facts( $kind ) ) : 'no_address';
		if ( 'sent' !== $sent ) {
			/* translators: %s: words of the mailer */
			wp_send_json_error( array( 'message' => 'no_address' === $sent ? __( 'Your profile has no e-mail address.', 'smi-bridge' ) : sprintf( __( 'Not sent: %s', 'smi-bridge' ), Mail::$last_error ) ), 500 );
		}
		/* translators: %s: e-mail address */
		wp_send_json_success( array( 'message' => sprintf( __( 'Sent to %s.', 'smi-bridge' ), $to ) ) );
	}

	/** A known kind. @param string $kind As asked for. */
	private static function kind( string $kind ): string {
		return in_array( $kind, Mail::KINDS, true ) ? $kind : 'delivered';
	}

	/** Facts of a job that nobody bought, or of a digest. @param string $kind Kind. */
	public static function facts( string $kind ): array {
		$words  = Schemas::words( 'mails', 'sample_parts' );
		$sample = Schemas::get( 'mails' )['sample'];
		if ( 'admin' === $kind ) {
			$job  = array( 'kind' => 'review', 'job_id' => $sample['job_id'], 'detail' => $words['review'], 'since' => time() - 900 ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			$hold = array( 'kind' => 'hold', 'detail' => $words['hold'], 'since' => time() - 300 ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			return array( 'items' => array( $job, $hold ) );
		}
		return array(
			'title'            => Schemas::translated( $sample['title'] ),
			'download_url'     => home_url( '/smi/download/example/harbour-at-dawn-4x.jpg' ),
			'expires_at'       => time() + HOUR_IN_SECONDS * Settings::expiry_hours(),
			'customer_message' => 'message' === $kind ? $words['message'] : '',
		) + $sample;
	}
}
