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
use SmiBridge\Core\Sidecar_Report;
use SmiBridge\Wire\Http_Client;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * Asks it at most once a minute, after an admin's page has been sent, and when the dashboard or a test wants to know. It never asks one
 * that comes by itself, and no visitor of the shop ever waits for it.
 */
final class Sidecar_Health {

	/** Seconds after which the answer is asked for again. */
	const FRESH = 60;

	/** The last answer. @return array See Sidecar_Report. */
	public static function last(): array {
		return Sidecar_Report::last();
	}

	/**
	 * Asks now, unless the last answer is younger.
	 *
	 * @param int $fresh Seconds that an answer may be old; 0: it is asked now. Waits three seconds at most, unless a filter says otherwise.
	 * @return array See Sidecar_Report.
	 */
	public static function inspect( int $fresh = self::FRESH ): array {
		$last = self::last();
		if ( ! Settings::is_configured() || Settings::is_pulled() || $last['at'] > time() - $fresh ) {
			return $last; // One that comes by itself can't be asked.
		}
		/** Filters how long pages wait for the sidecar: milliseconds to connect, milliseconds in all. */
		$patience = (array) apply_filters( 'smi_bridge_status_patience', array( 1000, 3000 ) );
		$answer   = ( new Sidecar_Client( new Http_Client( (int) $patience[0], (int) $patience[1] ) ) )->status();
		return Sidecar_Report::keep( $answer );
	}

	/** After an admin's page: looks without making anybody wait. */
	public static function inspect_later(): void {
		if ( ! Admin_Access::may() || wp_doing_ajax() || ! Settings::is_configured() || Settings::is_pulled() || self::last()['at'] > time() - self::FRESH ) {
			return;
		}
		Request::finish();
		self::inspect();
	}
}
