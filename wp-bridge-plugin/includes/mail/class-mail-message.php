<?php
/**
 * Composes a mail: kind and facts in, subject, HTML and text out. Sends nothing.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Format;

defined( 'ABSPATH' ) || exit;

/**
 * One composed mail. Templates get `$mail` (this object) and print its parts with late escaping.
 */
final class Mail_Message {

	/** Template of the body that all mails share. */
	const BODY = 'parts-body.php';

	/** What of it: 'delivered', 'reminder', 'delayed', 'review', 'refunded', 'message', 'admin'. */
	public $kind;
	/** Facts as the caller gave them. */
	public $facts;
	/** Subject line, plain text. */
	public $subject = '';
	/** The line that mail programs show beside the subject. */
	public $preheader = '';
	/** Heading, plain text. */
	public $heading = '';
	/** Paragraphs before the button, plain text. */
	public $paragraphs = array();
	/** Paragraphs after it. */
	public $instructions = array();
	/** The one button: label and address, or null. */
	public $button = null;
	/** Table of facts: label => words. */
	public $rows = array();
	/** Items of the admin's digest. */
	public $items = array();
	/** Where the customer finds help: an address to write to or a page. */
	public $support = '';

	/**
	 * A mail without words yet: Mail::compose() fills it.
	 *
	 * @param string $kind  See Mail::KINDS.
	 * @param array  $facts See Mail::send().
	 */
	public function __construct( string $kind, array $facts ) {
		$this->kind    = $kind;
		$this->facts   = $facts;
		$this->support = Mail_Settings::support();
		$this->rows    = self::rows_for( $kind, $facts );
	}

	/** The HTML part. */
	public function html(): string {
		$inner = self::render( $this->kind . '.php', array( 'mail' => $this ) );
		$html  = self::render(
			'layout.php',
			array(
				'mail'    => $this,
				'content' => $inner,
			)
		);
		/**
		 * Filters the HTML of a mail.
		 *
		 * @param string       $html Full document.
		 * @param string       $kind The kind of mail.
		 * @param Mail_Message $mail The composed mail.
		 */
		return (string) apply_filters( 'smi_bridge_mail_body', $html, $this->kind, $this );
	}

	/** The text part: the same words, lines of at most 76 characters, addresses unbroken. */
	public function text(): string {
		$text = self::render( 'text/mail.php', array( 'mail' => $this ) );
		$text = trim( preg_replace( "/\n{3,}/", "\n\n", str_replace( "\r", '', $text ) ) ) . "\n";
		/** Filters the text part of a mail; same arguments as `smi_bridge_mail_body`. */
		return (string) apply_filters( 'smi_bridge_mail_text', $text, $this->kind, $this );
	}

	/**
	 * Breaks words into lines of at most 76 columns; a word that is longer (an address) stays whole.
	 *
	 * @param string $words Plain text.
	 */
	public static function wrap( string $words ): string {
		$lines = array();
		foreach ( preg_split( '/(*BSR_ANYCRLF)\R/', $words ) as $line ) {
			$now = '';
			foreach ( preg_split( '/ +/', $line ) as $word ) {
				if ( '' !== $now && mb_strwidth( $now . ' ' . $word ) > 76 ) {
					$lines[] = $now;
					$now     = $word;
				} else {
					$now = '' === $now ? $word : $now . ' ' . $word;
				}
			}
			$lines[] = $now;
		}
		return implode( "\n", $lines );
	}

	/** The name of the shop, plain text. */
	public function shop(): string {
		return wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES );
	}

	/** Address of the shop's logo, or ''. Only raster formats: mail programs do not show SVG. */
	public function logo(): string {
		$id  = (int) get_theme_mod( 'custom_logo' );
		$src = $id ? wp_get_attachment_image_src( $id, 'medium' ) : false;
		$url = $src && preg_match( '/\.(png|jpe?g|gif)(\?|$)/i', $src[0] ) ? $src[0] : '';
		/** Filters the address of the logo in mails ('' shows the shop's name). */
		return (string) apply_filters( 'smi_bridge_mail_logo', $url );
	}

	/** Colours of the button. @return string[] `background` and `text`, both `#rrggbb`. */
	public function accent(): array {
		return array_combine( array( 'background', 'text' ), Mail_Settings::accents() );
	}

	/**
	 * Renders a template: the theme's `smi-bridge/emails/<name>` if there is one, else ours; a kind that has none is like all mails.
	 *
	 * @param string $template Path below `templates/emails/`.
	 * @param array  $scope    Variables of the template.
	 */
	public static function render( string $template, array $scope ): string {
		$file = locate_template( 'smi-bridge/emails/' . $template );
		if ( '' === $file ) {
			$file = SMI_BRIDGE_DIR . 'templates/emails/' . $template;
		}
		/** Filters the file of a mail's template. */
		$file = (string) apply_filters( 'smi_bridge_mail_template', $file, $template );
		if ( ! is_file( $file ) && self::BODY !== $template ) {
			return self::render( self::BODY, $scope );
		}
		$print  = static function ( $file, $scope ) {
			extract( $scope, EXTR_SKIP ); // phpcs:ignore WordPress.PHP.DontExtract -- the scope of a template, names from this file only.
			include $file;
		};
		ob_start();
		try {
			$print( $file, $scope );
		} finally {
			$rendered = (string) ob_get_clean();
		}
		return $rendered;
	}

	/**
	 * The facts worth a row, in the order of a receipt.
	 *
	 * @param string $kind  The kind of mail.
	 * @param array  $facts The facts.
	 */
	private static function rows_for( string $kind, array $facts ): array {
		if ( 'admin' === $kind ) {
			return array();
		}
		$has_file = in_array( $kind, array( 'delivered', 'reminder' ), true );
		$rows     = array(
			__( 'Picture', 'smi-bridge' )     => trim( wp_strip_all_tags( (string) ( $facts['title'] ?? '' ) ) ),
			__( 'Enlargement', 'smi-bridge' ) => Format::factor( $facts['factor'] ?? 0 ),
			__( 'Dimensions', 'smi-bridge' )  => Format::dimensions( $facts['width'] ?? 0, $facts['height'] ?? 0 ),
			__( 'File', 'smi-bridge' )        => $has_file ? implode( ', ', array_filter( array( Format::format( $facts['format'] ?? '' ), Format::size( $facts['bytes'] ?? 0 ) ) ) ) : '',
			__( 'Available until', 'smi-bridge' ) => $has_file ? Format::moment( $facts['expires_at'] ?? '' ) : '',
			__( 'Amount refunded', 'smi-bridge' ) => 'refunded' === $kind ? Format::amount( $facts['amount'] ?? '' ) : '',
			__( 'Reference', 'smi-bridge' )   => Format::reference( $facts['job_id'] ?? '' ),
		);
		return array_filter( $rows, 'strlen' );
	}
}

class_alias( Mail_Message::class, 'SmiBridge\\Mail_Message' ); // Copies of our templates in themes name it so.
