<?php
/**
 * An option that several requests change at once: read, changed and written as one step.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * `get_option()` tells what this request has read before, perhaps seconds ago, and `update_option()` writes over what others have written
 * since. Only for options that hold an array.
 */
final class Shared_Option {

	/** So often the step is tried where others are faster each time. */
	const TRIES = 10;

	/**
	 * Changes an option from what the database holds now.
	 *
	 * @param string   $name   Option.
	 * @param callable $change Gets the array, returns the new one. It may be called again, and what it did before does not count then.
	 * @return array The new one.
	 * @throws Database_Error When the database refuses.
	 */
	public static function change( string $name, callable $change ): array {
		$options = $GLOBALS['wpdb']->options;
		for ( $try = 0; $try < self::TRIES; $try++ ) {
			// A locking read sees what others have committed, also inside a transaction that began before.
			$row = Sql::row( "SELECT option_value FROM $options WHERE option_name = %s LIMIT 1 FOR UPDATE", array( $name ) );
			if ( ! $row ) {
				add_option( $name, array(), '', false );
				continue;
			}
			$old = maybe_unserialize( $row['option_value'] );
			$old = is_array( $old ) ? $old : array();
			$new = $change( $old );
			$set = array( 'option_value' => maybe_serialize( $new ) );
			if ( $new === $old || Sql::update( $options, $set, array( 'option_name' => $name ) + $row ) ) {
				self::remember( $name, maybe_serialize( $new ) );
				return $new;
			}
		}
		throw new Database_Error( esc_html( "The option $name is changed by too many at once." ) );
	}

	/** What get_option() tells from now on. @param string $name Option. @param string $value Serialized. */
	private static function remember( string $name, string $value ): void {
		$all = wp_load_alloptions();
		if ( isset( $all[ $name ] ) ) {
			$all[ $name ] = $value;
			wp_cache_set( 'alloptions', $all, 'options' );
		} else {
			wp_cache_set( $name, $value, 'options' );
		}
	}
}
