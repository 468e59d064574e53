<?php
/**
 * The bridge's log: one line for one event, and an action for logs that are kept elsewhere.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Lines look like `smi-bridge event=payment_repeated job_id=… attempt=1 state=paid: The sentence.`
 */
final class Log {

	/** Fields that are never logged, whatever a caller passes. */
	const SECRET = array( 'secret', 'token', 'email', 'signature', 'download_url', 'authorization' );

	/**
	 * Writes a line. No secret, token or e-mail address may stand in `$sentence`.
	 *
	 * @param string $event    A stable word for machines.
	 * @param string $sentence What happened, for people; may be ''.
	 * @param array  $fields   Scalars: job_id, attempt, stage, reason, …
	 */
	public static function write( string $event, string $sentence = '', array $fields = array() ): void {
		$fields = array_diff_key( $fields, array_flip( self::SECRET ) );
		$line   = 'smi-bridge event=' . self::word( $event );
		foreach ( $fields as $name => $value ) {
			$line .= ' ' . self::word( (string) $name ) . '=' . self::word( is_scalar( $value ) || null === $value ? $value : wp_json_encode( $value ) );
		}
		/**
		 * Fires for each line of the bridge's log.
		 *
		 * @param string $event    A stable word.
		 * @param string $sentence What happened.
		 * @param array  $fields   Further facts.
		 */
		do_action( 'smi_bridge_log', $event, $sentence, $fields );
		/** Filters whether the line also goes to PHP's error log. */
		if ( apply_filters( 'smi_bridge_log_to_php', true, $event, $fields ) ) {
			error_log( $line . ( '' === $sentence ? '' : ': ' . self::line( $sentence ) ) ); // phpcs:ignore WordPress.PHP.DevelopmentFunctions -- this is the log.
		}
	}

	/**
	 * A value for a log line: quoted when it holds blanks, without line breaks.
	 *
	 * @param mixed $value A scalar or null.
	 */
	private static function word( $value ): string {
		$value = is_bool( $value ) ? ( $value ? 'true' : 'false' ) : self::line( (string) $value );
		return preg_match( '/^[^\s"=]+$/', $value ) ? $value : '"' . str_replace( '"', "'", $value ) . '"';
	}

	/**
	 * Text without control characters (a forged header must not write lines of its own), cut at 500 bytes.
	 *
	 * @param string $text Any bytes.
	 */
	private static function line( string $text ): string {
		return substr( preg_replace( '/[\x00-\x1f\x7f]+/', ' ', $text ), 0, 500 );
	}
}
