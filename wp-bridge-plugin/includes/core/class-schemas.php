<?php
/**
 * The JSON Schema files of the messages, and the check against them.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * WordPress' own validator knows the schema's words but is generous about types ("4" is an integer to it, [] an object):
 * types are checked strictly first.
 */
final class Schemas {

	/** Schemas that were read in this request. @var array[] */
	private static $read = array();

	/**
	 * A schema, or null when there is no such file.
	 *
	 * @param string $name E.g. `to-shop/job.delivered`; other names than of our files never lead to one.
	 * @return array|null JSON Schema, decoded; also the other JSON files beside them (advice, reasons, history).
	 */
	public static function get( string $name ): ?array {
		if ( ! array_key_exists( $name, self::$read ) ) {
			$file                = SMI_BRIDGE_DIR . 'schemas/' . $name . '.json';
			$known               = preg_match( '#^(to-shop/|to-sidecar/)?[a-z]+(\.[a-z]+)*\z#', $name ) && is_file( $file );
			self::$read[ $name ] = $known ? json_decode( file_get_contents( $file ), true ) : null; // phpcs:ignore WordPress.WP.AlternativeFunctions -- a file of our own.
		}
		return self::$read[ $name ];
	}

	/**
	 * A part of such a file, each of its texts in the current locale.
	 *
	 * @param string $name See get().
	 * @param string $part Its words, and nothing else.
	 */
	public static function words( string $name, string $part ): array {
		return self::in_words( self::get( $name )[ $part ] );
	}

	/**
	 * The same of an entry that has been read.
	 *
	 * @param array    $entry  As in the file.
	 * @param string[] $fields Those that are words; none: all are.
	 */
	public static function in_words( array $entry, array $fields = array() ): array {
		array_walk_recursive(
			$entry,
			static function ( &$text, $field ) use ( $fields ) {
				$text = ! $fields || in_array( $field, $fields, true ) ? self::translated( $text ) : $text;
			}
		);
		return $entry;
	}

	/** Words of such a file in the current locale; tests/ui/languages.py hands them to translators. @param string $words English, or ''. */
	public static function translated( string $words ): string {
		return '' === $words ? '' : translate( $words, 'smi-bridge' ); // phpcs:ignore WordPress.WP.I18n -- see above.
	}

	/**
	 * What is wrong with a value, or ''.
	 *
	 * @param mixed  $value Decoded JSON, objects as \stdClass.
	 * @param string $name  See get(); must exist.
	 */
	public static function fault( $value, string $name ): string {
		$schema = self::get( $name );
		$fault  = self::type_fault( $value, $schema, 'data' );
		if ( '' === $fault ) {
			$checked = rest_validate_value_from_schema( $value, $schema, 'data' );
			$fault   = is_wp_error( $checked ) ? $checked->get_error_message() : '';
		}
		return $fault;
	}

	/**
	 * Strict types, and no line's end where a pattern forbids it (`$` matches before a last one).
	 *
	 * @param mixed  $value  Value.
	 * @param array  $schema Its schema.
	 * @param string $where  For the message.
	 */
	private static function type_fault( $value, array $schema, string $where ): string {
		$types = (array) ( $schema['type'] ?? array() );
		if ( $types && ! array_intersect( $types, self::types_of( $value ) ) ) {
			return $where . ' is not of type ' . implode( ' or ', $types );
		}
		if ( is_string( $value ) && isset( $schema['pattern'] ) && "\n" === substr( $value, -1 ) ) {
			return $where . ' does not match its pattern';
		}
		$faults = array();
		if ( $value instanceof \stdClass ) {
			foreach ( get_object_vars( $value ) as $name => $part ) {
				$faults[] = self::type_fault( $part, $schema['properties'][ $name ] ?? array(), $where . '.' . substr( (string) $name, 0, 40 ) );
			}
		} elseif ( is_array( $value ) ) {
			foreach ( $value as $index => $part ) {
				$faults[] = self::type_fault( $part, $schema['items'] ?? array(), $where . '[' . $index . ']' );
			}
		}
		return (string) current( array_filter( $faults ) );
	}

	/** Types of JSON Schema that a value has. @param mixed $value Decoded JSON, objects as \stdClass. @return string[] */
	private static function types_of( $value ): array {
		if ( is_int( $value ) || is_float( $value ) ) {
			return floor( $value ) === (float) $value ? array( 'integer', 'number' ) : array( 'number' );
		}
		return array( strtolower( gettype( $value ) ) );
	}
}
