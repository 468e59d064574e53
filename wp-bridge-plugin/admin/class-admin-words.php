<?php
/**
 * Words of the admin's script. Plain text.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

/**
 * One list, printed once.
 */
final class Admin_Words {

	/** Key => words. */
	public static function script(): array {
		return array(
			'copied'   => __( 'Copied', 'smi-bridge' ),
			'copy'     => __( 'Copy', 'smi-bridge' ),
			'show'     => __( 'Show', 'smi-bridge' ),
			'hide'     => __( 'Hide', 'smi-bridge' ),
			'select'   => __( 'Press Ctrl+C to copy', 'smi-bridge' ),
			'testing'  => __( 'Testing…', 'smi-bridge' ),
			'failed'   => __( 'The request to WordPress failed. Reload the page and try again.', 'smi-bridge' ),
			'ok'       => __( 'OK', 'smi-bridge' ),
			'bad'      => __( 'Problem', 'smi-bridge' ),
			'warn'     => __( 'Please look', 'smi-bridge' ),
			'all_good' => __( 'Everything works in both directions.', 'smi-bridge' ),
			'not_good' => __( 'Not everything works yet.', 'smi-bridge' ),
		);
	}
}
