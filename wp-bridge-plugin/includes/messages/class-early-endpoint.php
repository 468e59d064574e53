<?php
/**
 * Endpoint for the sidecar, before WordPress has loaded. Messages are answered as soon as what they need is loaded, and before plugins
 * that force a login, close the site or take the REST API away.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Signature;
use SmiBridge\Shop\Announcements;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * 1. `plugins_loaded`: the signature. What is not signed goes no further. Messages that need neither theme nor mail nor translation
 * are answered here; if somebody is to hear of them, WordPress goes on loading behind the answer.
 * 2. `wp_loaded`: the others, mailers are ready now.
 * 3. the end of the request: the others, if somebody has ended it before (a login page, "coming soon").
 */
final class Early_Endpoint {

	/** Messages that need the database only. */
	const TYPES = array( 'status', 'job.submitting', 'job.submitted', 'job.progress', 'job.downloaded', 'mailbox.collect' );

	/** Whether an answer is being made. @var bool */
	private static $has_begun = false;

	/** Step 1: hook `plugins_loaded`. */
	public static function arrive(): void {
		if ( ! Request::is_to( Messages_Endpoint::ROUTE ) ) {
			return;
		}
		/** Filters whether the sidecar's messages are answered before WordPress has loaded. */
		if ( ! apply_filters( 'smi_bridge_answer_early', true ) ) {
			return;
		}
		Request::hush();
		if ( '' !== Messages_Endpoint::fault() || ( ! Shop::is_another() && self::needs_little() ) ) {
			self::say();
			if ( ! Announcements::count() ) {
				exit;
			}
			add_action( 'wp_loaded', array( self::class, 'leave' ), PHP_INT_MAX );
			return;
		}
		self::read_options();
		add_action( 'wp_loaded', array( self::class, 'answer' ), PHP_INT_MAX );
		Request::at_end( array( self::class, 'answer_at_the_end' ), PHP_INT_MIN );
	}

	/** Reads in one statement the options that WordPress and its theme would ask for one by one. */
	private static function read_options(): void {
		if ( function_exists( 'wp_prime_option_caches' ) ) { // Since WordPress 6.4.
			wp_prime_option_caches( array( 'WPLANG', 'theme_switched', 'current_theme', 'site_logo', 'theme_mods_' . get_option( 'stylesheet' ) ) );
		}
	}

	/** Whether all messages of the signed body can be answered now. */
	private static function needs_little(): bool {
		$envelope = json_decode( Request::body( Signature::MAX_BODY ), true );
		$messages = $envelope['data']['messages'] ?? null;
		if ( ! is_array( $messages ) || array_diff( array_map( 'strval', array_column( $messages, 'type' ) ), self::TYPES ) ) {
			return false;
		}
		foreach ( $messages as $message ) {
			if ( 'mailbox.collect' === $message['type'] && ! Mailbox_Messages::needs_little( (array) ( $message['data'] ?? array() ) ) ) {
				return false;
			}
		}
		return true;
	}

	/** Step 2: hook `wp_loaded`. */
	public static function answer(): void {
		self::say();
		exit;
	}

	/** Hook `wp_loaded` after step 1: listeners have loaded, and the request may end. */
	public static function leave(): void {
		exit;
	}

	/** Step 3: the end of the request. After output of others the answer would be unreadable: then it names that output. */
	public static function answer_at_the_end(): void {
		if ( self::$has_begun || headers_sent() ) {
			return;
		}
		Log::write( 'door_walled', 'Other code has ended the request before WordPress was loaded; the sidecar is answered all the same.' );
		if ( ! did_action( 'init' ) ) {
			load_plugin_textdomain( 'smi-bridge', false, dirname( plugin_basename( SMI_BRIDGE_FILE ) ) . '/languages' ); // As in `init`.
		}
		self::say();
	}

	/** Makes the answer and sends it. */
	private static function say(): void {
		self::$has_begun = true;
		Request::answer( ...Messages_Endpoint::answer_request() );
	}
}
