<?php
/**
 * Hooks of what other systems and tools see: WP-CLI, REST, Abilities, privacy, the lock of copied sites. Nothing else.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

use SmiBridge\Admin\Staging_Notice;
use SmiBridge\Core\Settings;
use SmiBridge\Interfaces\Abilities;
use SmiBridge\Interfaces\Cli\Cli;
use SmiBridge\Interfaces\Privacy\Erasure;
use SmiBridge\Interfaces\Privacy\Privacy;
use SmiBridge\Interfaces\Rest;
use SmiBridge\Mail\Scheduled_Mails;

defined( 'ABSPATH' ) || exit;

if ( defined( 'WP_CLI' ) && \WP_CLI ) {
	add_action( 'init', array( Cli::class, 'register' ), 20 ); // Not earlier: it needs words, and words need their language.
}

// Personal data.
add_filter( 'wp_privacy_personal_data_exporters', array( Privacy::class, 'exporters' ) );
add_filter( 'wp_privacy_personal_data_erasers', array( Privacy::class, 'erasers' ) );
add_action( 'smi_bridge_daily', array( Erasure::class, 'repeat' ) );

// A copy of the site.
add_action( 'init', array( Settings::class, 'learn_site' ), 5 );
add_action( 'admin_notices', array( Staging_Notice::class, 'show' ), 5 );
add_action( 'admin_post_smi_bridge_keep_paused', array( Staging_Notice::class, 'keep_paused' ) );

// Other programs.
add_action( 'rest_api_init', array( Rest::class, 'register_outside_requests' ) );
add_filter( 'rest_pre_dispatch', array( Rest::class, 'register_when_asked' ), 1, 3 ); // Before WordPress answers OPTIONS.
add_action( 'wp_abilities_api_categories_init', array( Abilities::class, 'register_category' ) );
add_action( 'wp_abilities_api_init', array( Abilities::class, 'register' ) );

// Where WP-Cron does not run, the sidecar's visits keep time.
add_action( 'smi_bridge_messages_handled', array( Scheduled_Mails::class, 'make_up' ) );
