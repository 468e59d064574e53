<?php
/**
 * The shop's word that a job's status has changed, told to other people's code when all that is ours is done.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

use SmiBridge\Core\Log;
use SmiBridge\Core\Request;

defined( 'ABSPATH' ) || exit;

/**
 * Listeners may throw, hang or end the request: they come at its very end, behind the answer and the messages that leave. What they
 * are told stands in the database by then.
 */
final class Announcements {

	/** What nobody has heard yet: arguments of the action. @var array[] */
	private static $waiting = array();
	/** Whether they speak of what is not committed. @var bool */
	private static $is_held = false;

	/**
	 * Tells it when the request ends.
	 *
	 * @param string $job_id The shop's id.
	 * @param string $before The shop's word before.
	 * @param string $after  The shop's word now.
	 * @param array  $facts  Further data for listeners.
	 */
	public static function add( string $job_id, string $before, string $after, array $facts ): void {
		if ( ! self::$waiting ) {
			Request::at_end( array( self::class, 'fire' ), 1200 );
		}
		self::$waiting[] = array( $job_id, $before, $after, $facts );
	}

	/** A transaction begins, or has ended: should the request end in between, nothing of it has happened. @param bool $held Which. */
	public static function hold( bool $held ): void {
		self::$is_held = $held;
	}

	/** How many wait. */
	public static function count(): int {
		return count( self::$waiting );
	}

	/** Forgets what was undone. @param int $keep How many to keep. */
	public static function forget( int $keep = 0 ): void {
		self::$waiting = array_slice( self::$waiting, 0, $keep );
	}

	/** Fires the action for each change, in the order in which it happened. */
	public static function fire(): void {
		if ( self::$is_held ) {
			return;
		}
		if ( count( self::$waiting ) > 1 ) {
			Request::at_end( array( self::class, 'fire' ), PHP_INT_MAX ); // For the rest, should a listener end the request.
		}
		while ( self::$waiting ) {
			$change = array_shift( self::$waiting );
			try {
				do_action( 'smi_job_status_changed', ...$change );
			} catch ( \Throwable $error ) {
				Log::write( 'listener_broke', $error->getMessage(), array( 'job_id' => $change[0], 'where' => basename( $error->getFile() ) . ':' . $error->getLine() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			}
		}
	}
}
