<?php
/**
 * Hooks of what other systems and tools see: WP-CLI, REST, Abilities, privacy, the lock of copied sites. Nothing else.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

if ( defined( 'WP_CLI' ) && \WP_CLI ) {
	add_action( 'init', array( Cli::class, 'register' ), 20 ); // Not earlier: it needs words, and words need their language.
}
