<?php
/**
 * Every hook of the demo shop; nothing else.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

add_action( 'plugins_loaded', __NAMESPACE__ . '\offer_refunds' );
add_action( 'template_redirect', __NAMESPACE__ . '\buy_from_form' );
add_action( 'rest_api_init', __NAMESPACE__ . '\register_routes' );
add_action( 'admin_menu', __NAMESPACE__ . '\add_jobs_page' );
add_action( 'wp_ajax_smi_retry_upscale', __NAMESPACE__ . '\ajax_retry' );
add_action( 'wp_ajax_smi_resend_email', __NAMESPACE__ . '\ajax_resend' );
add_action( 'stripe_integration_webhook_charge_refunded', __NAMESPACE__ . '\refunded_outside' );
add_shortcode( 'smi_demo_shop', __NAMESPACE__ . '\render_shop' );
