<?php
/**
 * Words of the admin's script. Plain text.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

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
			'delivered' => __( 'Delivered', 'smi-bridge' ),
			'working'  => __( 'In progress', 'smi-bridge' ),
			'review'   => __( 'In review', 'smi-bridge' ),
			'refunded' => __( 'Refunded', 'smi-bridge' ),
			'p50'      => __( 'Half are faster', 'smi-bridge' ),
			'p95'      => __( '95 % are faster', 'smi-bridge' ),
			/* translators: %s: seconds */
			'seconds'  => __( '%s s', 'smi-bridge' ),
			/* translators: %s: minutes */
			'minutes'  => __( '%s min', 'smi-bridge' ),
			'from'     => __( 'From', 'smi-bridge' ),
			'as_table' => __( 'As a table', 'smi-bridge' ),
			'no_errors' => __( 'Nothing in this period.', 'smi-bridge' ),
			'connected' => __( 'Connected', 'smi-bridge' ),
			'away'     => __( 'No connection.', 'smi-bridge' ),
			'held'     => __( 'On hold:', 'smi-bridge' ),
			'done'     => __( 'done', 'smi-bridge' ),
			'costs'    => __( 'This runs a real job at Upsampler, and costs a credit. Send it?', 'smi-bridge' ),
			'not_good' => __( 'Not everything works yet.', 'smi-bridge' ),
		);
	}
}
