<?php
/**
 * Sends one mail about a job. Decides nothing about the job; that a mail is sent once is the caller's care (the ledger's effects).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * The door of all mails: `Mail::send( $kind, $facts )`. A mailer that refuses is an answer; what a template, a filter or somebody's mailer
 * throws goes to the caller.
 */
final class Mail {

	/** Kinds to the customer, and the digest to the admin. */
	const KINDS = array( 'delivered', 'reminder', 'delayed', 'review', 'refunded', 'message', 'admin' );

	/** Why the last mail failed, in the mailer's words; '' after a success. */
	public static $last_error = '';

	/**
	 * Sends a mail. Safe to call twice only in the sense that two mails go out.
	 *
	 * @param string $kind  One of KINDS.
	 * @param array  $facts `job_id, attempt, email, title, width, height, bytes, format, factor, download_url, expires_at (UTC),
	 *                      reason, customer_message, amount, status_url, preview_url`; for the digest `items`: list of
	 *                      `{kind, job_id?, detail?, since?}`. Missing facts leave their line out.
	 * @return string 'sent' (the mailer accepted it), 'no_address', 'failed' or 'disabled'.
	 */
	public static function send( string $kind, array $facts ): string {
		if ( ! in_array( $kind, self::KINDS, true ) ) {
			self::$last_error = 'unknown kind of mail';
			return 'failed';
		}
		if ( ! Mail_Settings::is_on( $kind ) ) {
			return 'disabled';
		}
		$to = 'admin' === $kind ? Mail_Settings::admins() : array_filter( array( trim( (string) ( $facts['email'] ?? '' ) ) ), 'is_email' );
		if ( ! $to ) {
			return 'no_address';
		}
		return self::deliver( $to, $kind, $facts );
	}

	/**
	 * Composes in the shop's language (an admin who presses "resend" may read another one) and hands over to wp_mail().
	 *
	 * @param string[] $to    Addresses.
	 * @param string   $kind  The kind of mail.
	 * @param array    $facts Its facts.
	 * @return string 'sent' or 'failed'; then $last_error says why.
	 */
	public static function deliver( array $to, string $kind, array $facts ): string {
		/** Filters the locale of a mail. */
		$locale   = (string) apply_filters( 'smi_bridge_mail_locale', get_locale(), $kind, $facts );
		$switched = function_exists( 'switch_to_locale' ) && switch_to_locale( $locale );
		try {
			$mail = self::compose( $kind, $facts );
			$text = $mail->text();
			$args = array(
				'to'          => $to,
				'subject'     => $mail->subject,
				'message'     => $mail->html(),
				'headers'     => self::headers( $kind, $facts ),
				'attachments' => array(),
			);
		} finally {
			if ( $switched ) {
				restore_previous_locale();
			}
		}
		/**
		 * Filters what is handed to wp_mail(): to, subject, message, headers, attachments.
		 *
		 * @param array  $args  Arguments of wp_mail().
		 * @param string $kind  The kind of mail.
		 * @param array  $facts Its facts.
		 */
		$args = (array) apply_filters( 'smi_bridge_mail_args', $args, $kind, $facts );
		return self::hand_over( $args, $text, $kind, $facts );
	}

	/**
	 * Composes a mail in the current locale.
	 *
	 * @param string $kind  See KINDS.
	 * @param array  $facts See send().
	 */
	public static function compose( string $kind, array $facts ): Mail_Message {
		$mail = new Mail_Message( $kind, $facts );
		Mail_Words::write( $mail );
		/**
		 * Filters the subject of a mail.
		 *
		 * @param string $subject Plain text.
		 * @param string $kind    The kind of mail.
		 * @param array  $facts   The facts it tells.
		 */
		$subject       = (string) apply_filters( 'smi_bridge_mail_subject', $mail->subject, $kind, $facts );
		$mail->subject = trim( preg_replace( '/[\r\n\t]+/', ' ', wp_specialchars_decode( $subject, ENT_QUOTES ) ) );
		return $mail;
	}

	/**
	 * Calls wp_mail() with our text part and From name in force for this one mail only.
	 *
	 * @param array  $args  Arguments of wp_mail().
	 * @param string $text  Text part.
	 * @param string $kind  The kind of mail.
	 * @param array  $facts Its facts.
	 */
	private static function hand_over( array $args, string $text, string $kind, array $facts ): string {
		self::$last_error = '';
		$mailer           = null;
		$text_part        = static function ( $phpmailer ) use ( $text, &$mailer ) {
			$mailer             = $phpmailer;
			$phpmailer->AltBody = $text; // phpcs:ignore WordPress.NamingConventions.ValidVariableName -- PHPMailer's own name.
			$phpmailer->Timeout = min( (int) $phpmailer->Timeout, Time_Limits::MAIL_SERVER ); // phpcs:ignore WordPress.NamingConventions.ValidVariableName
			if ( 'smtp' === ( $phpmailer->Mailer ?? '' ) && method_exists( $phpmailer, 'getSMTPInstance' ) ) { // phpcs:ignore WordPress.NamingConventions.ValidVariableName
				// Timeout is for the connection. A server that says nothing, or a byte now and then, is waited for as long as this says.
				$phpmailer->getSMTPInstance()->Timelimit = $phpmailer->Timeout; // phpcs:ignore WordPress.NamingConventions.ValidVariableName
			}
		};
		$from_name        = static function ( $name ) {
			return 'WordPress' === $name ? wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) : $name;
		};
		$failed           = static function ( $error ) {
			self::$last_error = is_wp_error( $error ) ? $error->get_error_message() : 'unknown';
		};
		// WordPress looks for three thousand emoji and puts pictures of another server in their place: mail programs show them by themselves.
		$emoji = has_filter( 'wp_mail', 'wp_staticize_emoji_for_email' );
		if ( false !== $emoji ) {
			remove_filter( 'wp_mail', 'wp_staticize_emoji_for_email', $emoji );
		}
		add_action( 'phpmailer_init', $text_part, 99 );
		add_filter( 'wp_mail_from_name', $from_name, 5 );
		add_action( 'wp_mail_failed', $failed );
		try {
			$accepted = wp_mail( $args['to'] ?? '', $args['subject'] ?? '', $args['message'] ?? '', $args['headers'] ?? '', $args['attachments'] ?? array() );
		} finally {
			remove_action( 'phpmailer_init', $text_part, 99 );
			remove_filter( 'wp_mail_from_name', $from_name, 5 );
			remove_action( 'wp_mail_failed', $failed );
			if ( false !== $emoji ) {
				add_filter( 'wp_mail', 'wp_staticize_emoji_for_email', $emoji );
			}
			if ( $mailer ) {
				// WordPress keeps one mailer for the whole request and, before 6.9, never empties this: the next plugin's mail would carry our text.
				$mailer->AltBody = ''; // phpcs:ignore WordPress.NamingConventions.ValidVariableName
			}
		}
		if ( ! $accepted && '' === self::$last_error ) {
			self::$last_error = __( 'The mailer refused without a reason.', 'smi-bridge' );
		}
		/**
		 * Fires after each mail: the log of sends listens here.
		 *
		 * @param string $kind     The kind of mail.
		 * @param array  $facts    Its facts.
		 * @param bool   $accepted Whether the mailer accepted it.
		 * @param string $error    The mailer's words, '' when accepted.
		 */
		do_action( 'smi_bridge_mail_sent', $kind, $facts, (bool) $accepted, self::$last_error );
		return $accepted ? 'sent' : 'failed';
	}

	/**
	 * Headers: HTML, who answers, and that a machine wrote it (so that holiday replies stay away).
	 *
	 * @param string $kind  The kind of mail.
	 * @param array  $facts Its facts.
	 */
	private static function headers( string $kind, array $facts ): array {
		$clean   = static function ( $words ) {
			return trim( preg_replace( '/[\r\n<>"]+/', ' ', (string) $words ) );
		};
		$headers = array( 'Content-Type: text/html; charset=UTF-8', 'Auto-Submitted: auto-generated', 'X-Auto-Response-Suppress: All' );
		$from    = Mail_Settings::get( 'from_address' );
		$name    = $clean( Mail_Settings::get( 'from_name', wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) ) );
		if ( is_email( $from ) ) {
			$headers[] = sprintf( 'From: "%s" <%s>', $name, $from );
		}
		if ( 'admin' !== $kind && is_email( Mail_Settings::support() ) ) {
			$headers[] = sprintf( 'Reply-To: %s', Mail_Settings::support() );
		}
		if ( ! empty( $facts['job_id'] ) && Job_Id::matches( $facts['job_id'] ) ) {
			$headers[] = 'X-SMI-Job: ' . $facts['job_id'];
		}
		/** Filters the headers of a mail. */
		return (array) apply_filters( 'smi_bridge_mail_headers', $headers, $kind, $facts );
	}
}
