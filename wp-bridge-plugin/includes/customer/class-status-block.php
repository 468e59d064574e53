<?php
/**
 * The block "Picture status": the same view as the shortcode.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

defined( 'ABSPATH' ) || exit;

/**
 * Registers `smi-bridge/status`.
 */
final class Status_Block {

	/** Registers the block. Its script is only named: to register it here would build the list of all scripts in each request. */
	public static function register(): void {
		register_block_type( SMI_BRIDGE_DIR . 'assets/block', array( 'render_callback' => array( self::class, 'render' ) ) );
	}

	/**
	 * Adds the editor's script when WordPress builds its list of scripts, which a payment or a message from the sidecar never needs.
	 *
	 * @param \WP_Scripts $scripts The list.
	 */
	public static function add_script( $scripts ): void {
		$needs = array( 'wp-blocks', 'wp-element', 'wp-block-editor', 'wp-components', 'wp-i18n' );
		$scripts->add( 'smi-bridge-block', plugins_url( 'assets/block/editor.js', SMI_BRIDGE_FILE ), $needs, SMI_BRIDGE_VERSION, 1 ); // 1: in the footer.
		$scripts->set_translations( 'smi-bridge-block', 'smi-bridge', SMI_BRIDGE_DIR . 'languages' );
	}

	/** Renders the block. @param array $attributes Attributes. */
	public static function render( $attributes ): string {
		$view = Status_View::shortcode( array( 'job_id' => (string) ( $attributes['jobId'] ?? '' ) ) );
		return '' === $view ? '' : sprintf( '<div %s>%s</div>', get_block_wrapper_attributes(), $view );
	}
}
