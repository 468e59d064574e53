<?php
/**
 * The sidecar's last word about itself: asked for, or brought along by one that nobody can reach.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * `{at, ok, code, message, since (when it began to be like that), status: array or null}`; `at` 0: never heard of.
 */
final class Sidecar_Report {

	const OPTION = 'smi_bridge_sidecar_health';

	/** Seconds after which a sidecar that comes by itself is missed. */
	const SEEN = 60;

	/** What is kept of its status. */
	const FIELDS = array( 'name', 'version', 'time', 'queues', 'ready_seconds', 'jobs', 'workers', 'scheduler', 'held', 'public_url', 'sandbox', 'shop_away' );

	/** The last one. A sidecar that should come by itself and did not is no longer well. */
	public static function last(): array {
		$last = get_option( self::OPTION );
		$last = ( is_array( $last ) ? $last : array() ) + array(
			'at'      => 0,
			'ok'      => true,
			'code'    => '',
			'message' => '',
			'since'   => 0,
			'status'  => null,
		);
		if ( ! Settings::is_pulled() || $last['at'] > time() - self::SEEN ) {
			return $last;
		}
		return array(
			'ok'      => false,
			'code'    => 'not_seen',
			'message' => __( 'The sidecar has not come for its messages for more than a minute.', 'smi-bridge' ),
			'since'   => $last['at'],
		) + $last;
	}

	/**
	 * Keeps one.
	 *
	 * @param array|\WP_Error $answer The sidecar's status, or why there is none.
	 */
	public static function keep( $answer ): array {
		$last   = self::last();
		$failed = is_wp_error( $answer );
		$now    = array(
			'at'      => time(),
			'ok'      => ! $failed,
			'code'    => $failed ? (string) $answer->get_error_code() : 'ok',
			'message' => $failed ? $answer->get_error_message() : '',
			// A fault counts from its first sight, whatever its later shapes.
			'since'   => $last['at'] && $last['ok'] === ! $failed ? $last['since'] : time(),
			'status'  => $failed ? null : array_intersect_key( $answer, array_flip( self::FIELDS ) ),
		);
		update_option( self::OPTION, $now, false );
		return $now;
	}

	/** Whether a sidecar that comes by itself was here within the last minute. */
	public static function is_seen(): bool {
		return self::last()['at'] > time() - self::SEEN;
	}
}
