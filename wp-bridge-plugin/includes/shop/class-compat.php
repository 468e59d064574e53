<?php
/**
 * Compatibility with other people's code: what the bridge does to the shop's own hooks, and when.
 *
 * 1. The shop's handler of the payment event calls Upsampler itself, on an instance that nobody keeps. It must not run while
 *    the bridge is configured, or each picture is enlarged, and paid for, twice. It runs again by itself as soon as the bridge is
 *    deactivated or its settings are removed, because nothing is changed but the hooks of the present request.
 * 2. The shop's webhook believes anybody with an id; Webhook_Relay takes its place.
 * 3. The shop's daily clean-up compares `download_expires_at` (UTC) with site time, and so deletes files hours before their
 *    time wherever clocks are ahead of UTC: while it runs, site time is UTC.
 * 4. `failed` is an end for ever to the shop's code: Sell_My_Images writes rows itself.
 * 5. The shop's download route tells nobody that it hands a file out, and ends the request itself: the bridge hooks the route.
 * 6. The shop writes `?smi_payment=…` behind the address of the page, also if that has a query already
 *    (`/?utm_source=mail?smi_payment=success&job_id=…`), and so hides it in the value before: it is looked for there, too.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Changes hooks of the present request and nothing else: no option, no file, no row of others is touched, so that the shop is
 * as before when the bridge is gone.
 */
final class Compat {

	const HANDLER  = 'SellMyImages\\Services\\UpscalingService';
	const WEBHOOKS = 'SellMyImages\\Managers\\WebhookManager';

	/** Where `smi_payment` begins, after the one `?` or the other, which a redirect may have encoded. As JavaScript reads it, too. */
	const SECOND_QUERY = '/(\?|%3F)smi_payment(=|%3D)/i';

	/** `wp_loaded`, after everybody's `init`: the shop has made its handlers by now. */
	public static function take_over(): void {
		if ( ! Settings::is_configured() ) {
			return;
		}
		self::detach();
		if ( method_exists( self::WEBHOOKS, 'register_webhook' ) ) {
			call_user_func( array( self::WEBHOOKS, 'register_webhook' ), 'upsampler', array( self::class, 'webhook_at_shop' ) );
		}
	}

	/** The shop's handler of Upsampler's webhook: the relay of the bridge answers it. */
	public static function webhook_at_shop(): void {
		/** Fires when Upsampler's webhook has come to the shop's address; who answers ends the request. */
		do_action( 'smi_bridge_upsampler_webhook' );
	}

	/** Whether payments are ours: connected, and the shop's own handler is out of the way (looked at again, it may have come late). */
	public static function may_forward(): bool {
		if ( ! Settings::is_configured() ) {
			return false;
		}
		self::detach();
		return Settings::is_connected() && ! self::handlers();
	}

	/**
	 * For Site Health: where the shop's own handler stands in this request.
	 *
	 * @return string 'free' (the bridge is not configured, the handler runs), 'attached' (it could not be removed, nothing is forwarded), 'detached'.
	 */
	public static function handler_status(): string {
		if ( ! Settings::is_configured() ) {
			return 'free';
		}
		self::detach();
		return self::handlers() ? 'attached' : 'detached';
	}

	/** Takes the shop's handler off the payment event. */
	private static function detach(): void {
		foreach ( self::handlers() as $handler ) {
			remove_action( 'smi_payment_completed', $handler['function'], $handler['priority'] );
		}
	}

	/** The shop's handlers on the payment event: list of {function, priority}. */
	private static function handlers(): array {
		$found = array();
		$hook  = $GLOBALS['wp_filter']['smi_payment_completed'] ?? null;
		foreach ( $hook ? $hook->callbacks : array() as $priority => $callbacks ) {
			foreach ( $callbacks as $callback ) {
				if ( self::is_theirs( $callback['function'] ) ) {
					$found[] = array(
						'function' => $callback['function'],
						'priority' => $priority,
					);
				}
			}
		}
		return $found;
	}

	/**
	 * Whether a callback is a method of the shop's class, or a closure made inside it.
	 *
	 * @param mixed $callback As it stands in the hook.
	 */
	private static function is_theirs( $callback ): bool {
		if ( $callback instanceof \Closure ) {
			$made_by = ( new \ReflectionFunction( $callback ) )->getClosureScopeClass();
			return $made_by && is_a( $made_by->getName(), self::HANDLER, true );
		}
		if ( is_string( $callback ) ) {
			$callback = explode( '::', $callback );
		}
		return is_array( $callback ) && isset( $callback[1] ) && is_a( $callback[0], self::HANDLER, true );
	}

	/** Whether the present address is one to which customers come back from payment (part 6 above). */
	public static function is_back_from_payment(): bool {
		// phpcs:ignore WordPress.Security -- looked at, never used.
		return isset( $_GET['smi_payment'] ) || preg_match( self::SECOND_QUERY, (string) ( $_SERVER['QUERY_STRING'] ?? '' ) );
	}

	/**
	 * A request of the shop's download route is about to be answered (part 5 above).
	 *
	 * @param mixed            $response Passed on.
	 * @param array            $handler  Of the route.
	 * @param \WP_REST_Request $request  Request.
	 * @return mixed
	 */
	public static function shop_download( $response, $handler, $request ) {
		if ( 'GET' === $request->get_method() && preg_match( '#^/smi/v1/download/([a-zA-Z0-9]{64})$#i', $request->get_route(), $found ) ) { // As WordPress reads an address: in any case, with a line's end.
			try {
				/** Fires when the shop hands a file out. @param string|null $job_id The shop's id. */
				do_action( 'smi_bridge_downloaded', ( new Sell_My_Images() )->job_of_token( $found[1] ) );
			} catch ( Database_Error $error ) { // The customer gets the file all the same.
				Log::write( 'download_not_noted', $error->getMessage() );
			}
		}
		return $response;
	}

	/** Before the shop's daily clean-up: site time is UTC (part 3 above). */
	public static function cleanup_in_utc(): void {
		if ( Settings::is_configured() ) {
			add_filter( 'pre_option_timezone_string', array( self::class, 'utc' ), PHP_INT_MAX );
		}
	}

	/** After it: site time is site time again. */
	public static function cleanup_done(): void {
		remove_filter( 'pre_option_timezone_string', array( self::class, 'utc' ), PHP_INT_MAX );
	}

	/** The time zone during the clean-up. */
	public static function utc(): string {
		return 'UTC';
	}
}
