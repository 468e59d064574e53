<?php
/**
 * Finds the file of a class: `SmiBridge\Ledger\Effects` lies in includes/ledger/class-effects.php, `SmiBridge\Admin\…` in admin/.
 * The namespace names the folder, so a request loads only the rooms that it enters.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;

spl_autoload_register(
	static function ( $name ) {
		if ( 0 !== strpos( $name, 'SmiBridge\\' ) ) {
			return;
		}
		$path   = explode( '/', strtolower( str_replace( array( '\\', '_' ), array( '/', '-' ), substr( $name, 10 ) ) ) );
		$file   = array_pop( $path ) . '.php';
		$folder = SMI_BRIDGE_DIR . ( array( 'admin' ) === $path ? 'admin/' : 'includes/' . implode( '/', $path ) . '/' );
		foreach ( array( 'class-', 'interface-' ) as $kind ) {
			if ( is_file( $folder . $kind . $file ) ) {
				require_once $folder . $kind . $file;
				return;
			}
		}
	}
);
