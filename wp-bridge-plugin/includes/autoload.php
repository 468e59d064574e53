<?php
/**
 * Finds the file of a class: `SmiBridge\Some_Thing` lies in `class-some-thing.php` (or `interface-…`), in includes/ or admin/.
 * A request loads only the rooms that it enters.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;

spl_autoload_register(
	static function ( $name ) {
		if ( 0 !== strpos( $name, 'SmiBridge\\' ) ) {
			return;
		}
		$file = strtolower( str_replace( '_', '-', substr( $name, 10 ) ) ) . '.php';
		foreach ( array( 'includes/class-', 'admin/class-', 'includes/interface-' ) as $place ) {
			if ( is_file( SMI_BRIDGE_DIR . $place . $file ) ) {
				require_once SMI_BRIDGE_DIR . $place . $file;
				return;
			}
		}
	}
);
