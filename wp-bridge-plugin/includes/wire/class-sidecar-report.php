<?php
/**
 * How the sidecar is: asked, or brought along by one that nobody can reach; the last answer is kept for pages that must not wait.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Advice;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * `{at, ok, code, message, since (when it began to be like that), status: array or null}`, times in Unix seconds; `at` 0: never heard
 * of. `code` is `ok`, `not_seen` or one of Sidecar_Client::send(). The sidecar is asked at most once a minute, after an admin's page has
 * been sent, and when the dashboard or a test wants to know. No visitor of the shop ever waits for it.
 */
final class Sidecar_Report {

	const OPTION = 'smi_bridge_sidecar_health';

	/** The code of one that should come by itself and did not, as other programs know it. */
	const NOT_SEEN = 'not_seen';

	/** What is kept of its status. */
	const FIELDS = array( 'name', 'version', 'time', 'queues', 'ready_seconds', 'job_seconds', 'jobs', 'workers', 'scheduler', 'held', 'public_url', 'sandbox', 'shop_away' );

	/** The last one. A sidecar that should come by itself and did not is no longer well. @return array See above. */
	public static function last(): array {
		$last = self::kept();
		if ( ! self::is_missed( $last ) ) {
			return $last;
		}
		return array(
			'ok'      => false,
			'code'    => self::NOT_SEEN,
			'message' => Advice::of( 'sidecar_not_seen' )['sentence'],
			'since'   => $last['at'],
		) + $last;
	}

	/** The last one, as it was kept. */
	private static function kept(): array {
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

	/** Whether a sidecar that comes by itself has not been here for too long. @param array $last From kept(). */
	private static function is_missed( array $last ): bool {
		return Settings::is_pulled() && $last['at'] <= time() - Time_Limits::SIDECAR_SEEN;
	}

	/**
	 * Keeps one, and the public address that it names. Also before WordPress is whole: nothing is translated here.
	 *
	 * @param array|\WP_Error $answer The sidecar's status, or why there is none.
	 * @return array See above.
	 */
	public static function keep( $answer ): array {
		$last   = self::kept();
		$was_ok = $last['ok'] && ! self::is_missed( $last );
		$failed = is_wp_error( $answer );
		$now    = array(
			'at'      => time(),
			'ok'      => ! $failed,
			'code'    => $failed ? (string) $answer->get_error_code() : 'ok',
			'message' => $failed ? $answer->get_error_message() : '',
			// A fault counts from its first sight, whatever its later shapes.
			'since'   => $last['at'] && $was_ok === ! $failed ? $last['since'] : time(),
			'status'  => $failed ? null : array_intersect_key( $answer, array_flip( self::FIELDS ) ),
		);
		update_option( self::OPTION, $now, false );
		if ( ! $failed && array_key_exists( 'public_url', $answer ) ) {
			Settings::learn_public_url( $answer['public_url'] );
		}
		return $now;
	}

	/**
	 * Asks now, unless the last answer is younger. One that comes by itself can't be asked.
	 *
	 * @param int $fresh Seconds that an answer may be old; 0: it is asked now. Waits three seconds at most, unless a filter says otherwise.
	 * @return array See above.
	 */
	public static function inspect( int $fresh = Time_Limits::SIDECAR_SEEN ): array {
		$last = self::last();
		if ( ! Settings::is_configured() || Settings::is_pulled() || $last['at'] > time() - $fresh ) {
			return $last;
		}
		/** Filters how long pages wait for the sidecar: milliseconds to connect, milliseconds in all. */
		$patience = (array) apply_filters( 'smi_bridge_status_patience', array( 1000, 3000 ) );
		return self::keep( ( new Sidecar_Client( new Http_Client( (int) $patience[0], (int) $patience[1] ) ) )->send( 'status', array() ) );
	}

	/** After an admin's page: looks without making anybody wait. */
	public static function inspect_later(): void {
		if ( Admin_Access::may() && ! wp_doing_ajax() && Settings::is_configured() && ! Settings::is_pulled() && self::last()['at'] <= time() - Time_Limits::SIDECAR_SEEN ) {
			Request::finish();
			self::inspect();
		}
	}

	/**
	 * Whether versions of bridge and sidecar work together: one major version, at most one minor version apart; the same rule as in
	 * sidecar/core/compatibility.py. Tells; refuses nobody: messages of versions that differ more are judged by their schemas.
	 *
	 * @param string $bridge  Version of the bridge.
	 * @param string $sidecar Version of the sidecar.
	 */
	public static function work_together( string $bridge, string $sidecar ): bool {
		$form = '/^(\d+)\.(\d+)/';
		return preg_match( $form, $bridge, $ours ) && preg_match( $form, $sidecar, $theirs ) && $ours[1] === $theirs[1] && abs( (int) $ours[2] - (int) $theirs[2] ) <= 1;
	}
}
