<?php
/**
 * Keeps a sidecar that is dead or a black hole from pinning PHP workers: after a failure, nobody calls for a while.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Wire;

use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Closed: calls go out. Open: they do not, the sidecar's pull brings what was missed. Half-open: when the pause is over, one caller
 * tries, and everybody else goes on pausing meanwhile. Kept in an autoloaded option, written only when something changes.
 */
final class Circuit_Breaker {

	const OPTION = 'smi_bridge_circuit';

	/** Seconds of pause after the first, second, … failure in a row. */
	const PAUSES = array( 5, 15, 30, 60 );

	/** Closed: `{failures in a row, until (Unix seconds) nobody calls, reason of the last one}`. */
	const CLOSED = array(
		'failures' => 0,
		'until'    => 0,
		'reason'   => '',
	);

	/** Whether a call may be made now. The first one after a pause is the probe. A sidecar that comes by itself is not called: its mailbox is here. */
	public static function allows(): bool {
		$circuit = self::read();
		if ( 0 === $circuit['failures'] || Settings::is_pulled() ) {
			return true;
		}
		if ( time() < $circuit['until'] ) {
			return false;
		}
		$circuit['until'] = time() + self::PAUSES[0]; // The others wait for what this probe finds.
		update_option( self::OPTION, $circuit );
		return true;
	}

	/** The sidecar answered: whatever it said, it is there. */
	public static function success(): void {
		if ( self::read()['failures'] ) {
			update_option( self::OPTION, self::CLOSED );
		}
	}

	/**
	 * The sidecar could not be reached.
	 *
	 * @param string $reason For the log.
	 */
	public static function failure( string $reason ): void {
		$failures = self::read()['failures'] + 1;
		$pause    = self::PAUSES[ min( $failures, count( self::PAUSES ) ) - 1 ];
		$until    = time() + $pause;
		update_option( self::OPTION, compact( 'failures', 'until', 'reason' ) );
		Log::write( 'sidecar_unreachable', $reason, array( 'failures' => $failures, 'pause_s' => $pause ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** See CLOSED. */
	public static function read(): array {
		$circuit = get_option( self::OPTION );
		return ( is_array( $circuit ) ? $circuit : array() ) + self::CLOSED;
	}
}
