<?php
/**
 * How the sidecar was when it was last asked, for pages that must not wait for it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Wire\Http_Client;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * Asked at most once a minute, after an admin's page has been sent, and by the dashboard.
 */
final class Sidecar_Health {

	const OPTION = 'smi_bridge_sidecar_health';

	/** Seconds after which the answer is asked for again. */
	const FRESH = 60;

	/**
	 * The last answer: `{at, ok, code, message, since (when it began to be like that), status: array or null}`; `at` 0 when never asked.
	 */
	public static function last(): array {
		$last = get_option( self::OPTION );
		return ( is_array( $last ) ? $last : array() ) + array(
			'at'      => 0,
			'ok'      => true,
			'code'    => '',
			'message' => '',
			'since'   => 0,
			'status'  => null,
		);
	}

	/**
	 * Asks now, unless the last answer is younger.
	 *
	 * @param int $fresh Seconds that an answer may be old.
	 */
	public static function inspect( int $fresh = self::FRESH ): array {
		$last = self::last();
		if ( ! Settings::is_configured() || $last['at'] > time() - $fresh ) {
			return $last;
		}
		/** Filters how long pages wait for the sidecar: milliseconds to connect, milliseconds in all. */
		$patience = (array) apply_filters( 'smi_bridge_status_patience', array( 1000, 3000 ) );
		$answer   = ( new Sidecar_Client( new Http_Client( (int) $patience[0], (int) $patience[1] ) ) )->status();
		$now      = self::judged( $answer );
		// A fault counts from its first sight, whatever its later shapes.
		$now['since'] = $last['at'] && $last['ok'] === $now['ok'] ? $last['since'] : time();
		update_option( self::OPTION, $now, false );
		return $now;
	}

	/** After an admin's page: looks without making anybody wait. */
	public static function inspect_later(): void {
		if ( ! Admin_Access::may() || wp_doing_ajax() || ! Settings::is_configured() || self::last()['at'] > time() - self::FRESH ) {
			return;
		}
		Request::finish();
		self::inspect();
	}

	/**
	 * An answer as we keep it.
	 *
	 * @param array|\WP_Error $answer From Sidecar_Client::status().
	 */
	private static function judged( $answer ): array {
		$failed = is_wp_error( $answer );
		$status = $failed ? null : array_intersect_key( $answer, array_flip( array( 'name', 'version', 'time', 'queues', 'ready_seconds', 'jobs', 'workers', 'scheduler', 'held', 'public_url', 'sandbox', 'shop_away' ) ) );
		return array(
			'at'      => time(),
			'ok'      => ! $failed,
			'code'    => $failed ? (string) $answer->get_error_code() : 'ok',
			'message' => $failed ? $answer->get_error_message() : '',
			'since'   => time(),
			'status'  => $status,
		);
	}
}
