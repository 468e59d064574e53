<?php
/**
 * The block "Picture status": the same view as the shortcode.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Registers `smi-bridge/status`.
 */
final class Status_Block {

	/** Registers script and block. */
	public static function register(): void {
		wp_register_script(
			'smi-bridge-block',
			plugins_url( 'assets/block/editor.js', SMI_BRIDGE_FILE ),
			array( 'wp-blocks', 'wp-element', 'wp-block-editor', 'wp-components', 'wp-i18n' ),
			SMI_BRIDGE_VERSION,
			true
		);
		wp_set_script_translations( 'smi-bridge-block', 'smi-bridge', SMI_BRIDGE_DIR . 'languages' );
		register_block_type( SMI_BRIDGE_DIR . 'assets/block', array( 'render_callback' => array( self::class, 'render' ) ) );
	}

	/** Renders the block. @param array $attributes Attributes. */
	public static function render( $attributes ): string {
		$view = Status_View::shortcode( array( 'job_id' => (string) ( $attributes['jobId'] ?? '' ) ) );
		return '' === $view ? '' : sprintf( '<div %s>%s</div>', get_block_wrapper_attributes(), $view );
	}
}
