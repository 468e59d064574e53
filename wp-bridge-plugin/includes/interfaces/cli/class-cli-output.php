<?php
/**
 * Prints what the commands found, in the format that was asked for.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Cli;

defined( 'ABSPATH' ) || exit;

/**
 * Thin over WP-CLI's own formatter.
 */
final class Cli_Output {

	/**
	 * Prints items.
	 *
	 * @param array[]  $items  Rows.
	 * @param string[] $fields Columns.
	 * @param array    $named  The command's options: `format`, `fields`.
	 */
	public static function items( array $items, array $fields, array $named ): void {
		$format = (string) ( $named['format'] ?? 'table' );
		if ( 'ids' === $format ) {
			\WP_CLI::line( implode( ' ', array_column( $items, 'job_id' ) ) );
			return;
		}
		if ( 'count' === $format ) {
			\WP_CLI::line( (string) count( $items ) );
			return;
		}
		$is_text = in_array( $format, array( 'table', 'csv' ), true );
		\WP_CLI\Utils\format_items( $format, $is_text ? array_map( array( self::class, 'as_text' ), $items ) : $items, self::fields( $fields, $named, $items ) );
		if ( 'json' === $format ) {
			\WP_CLI::line();
		}
	}

	/**
	 * Columns: those that the user wants, if they exist.
	 *
	 * @param string[] $usual Columns.
	 * @param array    $named Options.
	 * @param array[]  $items Rows.
	 */
	private static function fields( array $usual, array $named, array $items ): array {
		if ( empty( $named['fields'] ) ) {
			return $usual;
		}
		$wanted = array_map( 'trim', explode( ',', (string) $named['fields'] ) );
		$known  = $items ? array_keys( $items[0] ) : $wanted;
		$wrong  = array_diff( $wanted, $known );
		if ( $wrong ) {
			\WP_CLI::error( sprintf( 'There is no field %s. There are: %s.', self::line( implode( ', ', $wrong ) ), implode( ', ', $known ) ) );
		}
		return $wanted;
	}

	/** A row whose values are lines of text. @param array $item Row. */
	public static function as_text( array $item ): array {
		return array_map(
			static function ( $value ) {
				if ( is_bool( $value ) ) {
					return $value ? 'yes' : 'no';
				}
				return self::line( is_scalar( $value ) || null === $value ? (string) $value : wp_json_encode( $value ) );
			},
			$item
		);
	}

	/** Text without control characters: what came from outside must not steer the terminal. @param string $text Any bytes. */
	public static function line( string $text ): string {
		return (string) preg_replace( '/[\x00-\x1f\x7f]+|\xc2[\x80-\x9f]/', ' ', $text );
	}
}
