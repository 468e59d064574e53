<?php
/**
 * The connection to a mail server, kept from one mail to the next: a rush greets it, and logs in, once and not for each customer.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

defined( 'ABSPATH' ) || exit;

/**
 * Only where WordPress' own PHPMailer speaks SMTP: `sendmail` has no connection, and other mailers look after theirs.
 */
final class Mail_Connection {

	/** Mails over one connection: fewer than any server is known to stop at. */
	const MOST = 10;

	/** The mailer whose connection is kept. @var \PHPMailer\PHPMailer\PHPMailer|null */
	private static $mailer = null;
	/** Whom it is connected to, and as whom. @var array */
	private static $server = array();
	/** Mails that went over it. @var int */
	private static $mails = 0;

	/** From now on, until close(). */
	public static function keep(): void {
		add_action( 'phpmailer_init', array( self::class, 'prepare' ), PHP_INT_MAX );
		add_action( 'wp_mail_failed', array( self::class, 'drop' ), PHP_INT_MIN );
	}

	/**
	 * A mail has failed: the next one begins anew. The server may be in the middle of the one that it refused, or its answer may still
	 * come, and would be taken for that to the next. No word of farewell: it would be waited for.
	 */
	public static function drop(): void {
		if ( self::$mailer ) {
			self::$mailer->getSMTPInstance()->close();
			self::$mails = 0;
		}
	}

	/**
	 * A mail is about to go: its server is chosen by now.
	 *
	 * @param mixed $mailer WordPress' mailer.
	 */
	public static function prepare( $mailer ): void {
		// phpcs:disable WordPress.NamingConventions.ValidVariableName -- PHPMailer's own names.
		if ( ! $mailer instanceof \PHPMailer\PHPMailer\PHPMailer || 'smtp' !== $mailer->Mailer || ( $mailer->SMTPKeepAlive && $mailer !== self::$mailer ) ) {
			return;
		}
		$server = array( $mailer->Host, $mailer->Port, $mailer->SMTPSecure, $mailer->SMTPAuth, $mailer->Username, $mailer->Password );
		if ( $mailer === self::$mailer && ( $server !== self::$server || self::$mails >= self::MOST ) ) {
			$mailer->smtpClose();
			self::$mails = 0;
		}
		$mailer->SMTPKeepAlive = true;
		self::$mailer          = $mailer;
		self::$server          = $server;
		++self::$mails;
	}

	/** The last mail has gone. */
	public static function close(): void {
		remove_action( 'phpmailer_init', array( self::class, 'prepare' ), PHP_INT_MAX );
		remove_action( 'wp_mail_failed', array( self::class, 'drop' ), PHP_INT_MIN );
		if ( self::$mailer ) {
			self::$mailer->SMTPKeepAlive = false;
			self::$mailer->smtpClose();
		}
		self::$mailer = null;
		self::$mails  = 0;
	}
}
