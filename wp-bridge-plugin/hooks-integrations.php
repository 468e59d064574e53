<?php
/**
 * Hooks of what other systems and tools see: WP-CLI, REST, Abilities, privacy, the lock of copied sites. Nothing else.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

if ( defined( 'WP_CLI' ) && \WP_CLI ) {
	add_action( 'init', array( Interfaces\Cli\Cli::class, 'register' ), 20 ); // Not earlier: it needs words, and words need their language.
}

// Personal data.
add_filter( 'wp_privacy_personal_data_exporters', array( Interfaces\Privacy\Privacy::class, 'exporters' ) );
add_filter( 'wp_privacy_personal_data_erasers', array( Interfaces\Privacy\Privacy::class, 'erasers' ) );
add_action( 'smi_bridge_daily', array( Interfaces\Privacy\Erasure::class, 'repeat' ) );

// A copy of the site.
add_action( 'init', array( Core\Settings::class, 'learn_site' ), 5 );
add_action( 'admin_notices', array( Admin\Staging_Notice::class, 'show' ), 5 );
add_action( 'admin_post_smi_bridge_keep_paused', array( Admin\Staging_Notice::class, 'keep_paused' ) );

// Other programs.
add_action( 'rest_api_init', array( Interfaces\Rest::class, 'register_outside_requests' ) );
add_filter( 'rest_pre_dispatch', array( Interfaces\Rest::class, 'register_when_asked' ), 1, 3 ); // Before WordPress answers OPTIONS.
add_action( 'wp_abilities_api_categories_init', array( Interfaces\Abilities::class, 'register_category' ) );
add_action( 'wp_abilities_api_init', array( Interfaces\Abilities::class, 'register' ) );

// Where WP-Cron does not run, the sidecar's visits keep time.
add_action( 'smi_bridge_messages_handled', array( Mail\Scheduled_Mails::class, 'make_up' ) );
