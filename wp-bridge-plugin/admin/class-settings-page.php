<?php
/**
 * The settings page: Settings API, constants in wp-config.php shown as fixed.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Health\Connection_Test;
use SmiBridge\Mail\Mail;
use SmiBridge\Mail\Mail_Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Registers, cleans and shows the options, and answers the button that tests the connection. The secret has its own forms (Secret_Change): it is never posted from here.
 */
final class Settings_Page {

	const GROUP = 'smi_bridge';

	/** Registers the options with their cleaning. */
	public static function register(): void {
		$options = array(
			'smi_bridge_sidecar_url'    => array( self::class, 'clean_sidecar_url' ),
			'smi_bridge_output_format'  => array( self::class, 'clean_format' ),
			'smi_bridge_remove_data'    => array( self::class, 'clean_flag' ),
			'smi_bridge_paused'         => array( self::class, 'clean_flag' ),
			'smi_download_expiry_hours' => array( self::class, 'clean_hours' ),
			Mail_Settings::OPTION       => array( self::class, 'clean_mail' ),
		);
		foreach ( $options as $name => $clean ) {
			$short = str_replace( 'smi_bridge_', '', $name );
			if ( ! Settings::is_constant( $short ) ) {
				register_setting( self::GROUP, $name, array( 'sanitize_callback' => $clean ) );
			}
		}
		add_filter( 'option_page_capability_' . self::GROUP, array( Admin_Access::class, 'capability' ) );
	}

	/** Shows the page. */
	public static function render(): void {
		Admin_Access::check_page();
		// phpcs:ignore WordPress.Security.NonceVerification -- says what a form did; changes nothing.
		$done = isset( $_GET['smi_bridge_done'] ) ? Secret_Change::message( sanitize_key( $_GET['smi_bridge_done'] ) ) : '';
		include SMI_BRIDGE_DIR . 'templates/admin/settings.php';
	}

	/** AJAX: tests the connection. The answer is Connection_Test::report(). */
	public static function test_connection(): void {
		Admin_Access::check_ajax();
		wp_send_json_success( Connection_Test::report() );
	}

	/**
	 * Cleans the address: http(s) without query, or the word for none. A bad one is refused with a notice, and the old one stays.
	 *
	 * @param mixed $value As posted.
	 */
	public static function clean_sidecar_url( $value ): string {
		$url = rtrim( trim( is_string( $value ) ? $value : '' ), '/' );
		if ( Settings::NO_ADDRESS === strtolower( $url ) ) {
			return Settings::NO_ADDRESS;
		}
		if ( '' === $url || preg_match( '#^https?://[^\s/?\#@]+(/[^\s?\#]*)?$#i', $url ) ) {
			return esc_url_raw( $url, array( 'http', 'https' ) );
		}
		self::complain( 'smi_bridge_sidecar_url', 'sidecar_url', __( 'The sidecar’s address must look like http://127.0.0.1:8321, or be the word none. It was not changed.', 'smi-bridge' ) );
		return (string) get_option( 'smi_bridge_sidecar_url', '' );
	}

	/**
	 * '1' or ''.
	 *
	 * @param mixed $value As posted.
	 */
	public static function clean_flag( $value ): string {
		return is_scalar( $value ) && Settings::is_yes( (string) $value ) ? '1' : '';
	}

	/** What customers may get: value of the option => label. @return string[] */
	public static function formats(): array {
		return Schemas::words( 'pages', 'formats' );
	}

	/**
	 * Cleans the output format: one that the sidecar knows.
	 *
	 * @param mixed $value As posted.
	 */
	public static function clean_format( $value ): string {
		return is_string( $value ) && isset( self::formats()[ $value ] ) ? $value : '';
	}

	/**
	 * Cleans a number of hours: 1 to 87600 (ten years).
	 *
	 * @param mixed $value As posted.
	 */
	public static function clean_hours( $value ): int {
		return is_numeric( $value ) ? max( 1, min( 87600, (int) $value ) ) : Settings::expiry_hours();
	}

	/**
	 * Cleans the settings of mails: unknown names are dropped; bad addresses too, with a notice.
	 *
	 * @param mixed $value As posted, or as stored.
	 */
	public static function clean_mail( $value ): array {
		$value = is_array( $value ) ? $value : array();
		$line  = static function ( $name ) use ( $value ) {
			return isset( $value[ $name ] ) && is_string( $value[ $name ] ) ? sanitize_text_field( $value[ $name ] ) : '';
		};
		$clean = array(
			'support'      => self::contact( 'support', $line( 'support' ), true, __( 'The support contact must be an e-mail address or the address of a page. It was left empty.', 'smi-bridge' ) ),
			'from_name'    => $line( 'from_name' ),
			'from_address' => self::contact( 'from_address', $line( 'from_address' ), false, __( 'The sender’s address must be an e-mail address. It was left empty.', 'smi-bridge' ) ),
			'admin'        => implode( ', ', array_filter( preg_split( '/[\s,;]+/', $line( 'admin' ) ), 'is_email' ) ),
			'accent'       => (string) sanitize_hex_color( $line( 'accent' ) ),
			'reminder'     => min( 168, max( 0, (int) $line( 'reminder' ) ) ),
			'off'          => array(),
		);
		// The form posts what is on; code may store what is off.
		$on           = isset( $value['on'] ) ? (array) $value['on'] : null;
		$clean['off'] = array_values(
			null === $on
				? array_intersect( Mail::KINDS, (array) ( $value['off'] ?? array() ) )
				: array_diff( Mail::KINDS, $on )
		);
		return array_filter( $clean );
	}

	/**
	 * Adds a notice, on a page that can show it: options may also be set by code and commands, outside of wp-admin.
	 *
	 * @param string $option Name of the option.
	 * @param string $code   Stable word.
	 * @param string $words  Plain text.
	 */
	private static function complain( string $option, string $code, string $words ): void {
		if ( function_exists( 'add_settings_error' ) ) {
			add_settings_error( $option, $code, esc_html( $words ) );
		}
	}

	/**
	 * Cleans a contact: an e-mail address, or a page's address where that is allowed; else ''.
	 *
	 * @param string $name    Of the setting.
	 * @param string $value   Cleaned line.
	 * @param bool   $or_page Whether it may.
	 * @param string $fault   What to say of others.
	 */
	private static function contact( string $name, string $value, bool $or_page, string $fault ): string {
		if ( '' === $value || is_email( $value ) ) {
			return $value;
		}
		if ( $or_page && preg_match( '#^https?://#i', $value ) ) {
			return esc_url_raw( $value, array( 'http', 'https' ) );
		}
		self::complain( Mail_Settings::OPTION, $name, $fault );
		return '';
	}
}
