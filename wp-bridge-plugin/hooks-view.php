<?php
/**
 * Hooks of what customers see: the status view, the status page. Nothing else.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

add_action( 'init', array( Status_View::class, 'load_words' ) );
add_shortcode( 'smi_status', array( Status_View::class, 'shortcode' ) );
add_action( 'wp_head', array( Status_View::class, 'print_starter' ), 1 );
add_action( 'wp_footer', array( Status_View::class, 'print_script' ), 5 );
add_action( 'template_redirect', array( Status_Page::class, 'catch_address' ), 1 );
add_action( 'rest_api_init', array( Status_View::class, 'register_route' ) );
