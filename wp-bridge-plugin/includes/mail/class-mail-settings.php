<?php
/**
 * What the admin decided about mails: which kinds, from whom, who helps. Reads options, writes none.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Format;
use SmiBridge\Core\Schemas;

defined( 'ABSPATH' ) || exit;

/**
 * Option `smi_bridge_mail`: `{off: [kind…], support, from_name, from_address, admin, accent, reminder (hours)}`, all optional.
 */
final class Mail_Settings {

	const OPTION = 'smi_bridge_mail';

	/** Dark enough for white text (9.2:1), calm beside most logos. */
	const ACCENT = '#1d4ed8';

	/**
	 * One setting.
	 *
	 * @param string $name     Its name.
	 * @param mixed  $otherwise When it is not set.
	 * @return mixed
	 */
	public static function get( string $name, $otherwise = '' ) {
		$options = get_option( self::OPTION, array() );
		$value   = is_array( $options ) ? ( $options[ $name ] ?? '' ) : '';
		return '' === $value || array() === $value ? $otherwise : $value;
	}

	/** Kind of mail => `{name, when}`, for the settings page. @return array[] */
	public static function kinds(): array {
		$kinds = Schemas::words( 'mails', 'kinds' );
		if ( ! self::get( 'reminder', 0 ) ) {
			$kinds['reminder']['when'] = Schemas::words( 'mails', 'parts' )['no_reminder'];
		}
		return $kinds;
	}

	/**
	 * Whether mails of a kind are sent.
	 *
	 * @param string $kind See Mail::KINDS.
	 */
	public static function is_on( string $kind ): bool {
		$on = ! in_array( $kind, (array) self::get( 'off', array() ), true );
		/** Filters whether mails of a kind are sent. */
		return (bool) apply_filters( 'smi_bridge_mail_enabled', $on, $kind );
	}

	/** Where customers find help: an e-mail address or the address of a page. */
	public static function support(): string {
		return (string) apply_filters( 'smi_bridge_support_contact', (string) self::get( 'support', get_option( 'admin_email', '' ) ) );
	}

	/** The support contact as a link's address: `mailto:` with the job's reference as subject, or the page. */
	public static function support_link( string $job_id = '' ): string {
		$support = self::support();
		if ( ! is_email( $support ) ) {
			return $support;
		}
		/* translators: %s: reference of an order */
		$subject = '' === $job_id ? '' : '?subject=' . rawurlencode( sprintf( __( 'My picture, reference %s', 'smi-bridge' ), Format::reference( $job_id ) ) );
		return 'mailto:' . $support . $subject;
	}

	/** Who gets the digests. @return string[] E-mail addresses; the site's own where none is set. */
	public static function admins(): array {
		$list = preg_split( '/[\s,;]+/', (string) self::get( 'admin', get_option( 'admin_email', '' ) ), -1, PREG_SPLIT_NO_EMPTY );
		return array_values( array_filter( $list, 'is_email' ) );
	}

	/**
	 * Colour of buttons and the text colour that can be read on it, both `#rrggbb`.
	 *
	 * White on the accent needs a contrast of 4.5:1 (WCAG 2.2, 1.4.3), which a relative luminance of 0.183 just gives.
	 */
	public static function accents(): array {
		/** Filters the colour of buttons in mails and in the customer's view. */
		$accent = (string) apply_filters( 'smi_bridge_accent', (string) self::get( 'accent', self::ACCENT ) );
		$accent = preg_match( '/^#[0-9a-fA-F]{6}$/', $accent ) ? $accent : self::ACCENT;
		$light  = 0.0;
		foreach ( array( 0.2126, 0.7152, 0.0722 ) as $at => $weight ) {
			$channel = hexdec( substr( $accent, 1 + 2 * $at, 2 ) ) / 255;
			$light  += $weight * ( $channel <= 0.04045 ? $channel / 12.92 : pow( ( $channel + 0.055 ) / 1.055, 2.4 ) );
		}
		return array( $accent, $light > 0.183 ? '#111111' : '#ffffff' );
	}
}
