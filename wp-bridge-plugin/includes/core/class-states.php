<?php
/**
 * The states of an attempt, where each may go, and the shop's word for each: `schemas/states.json`, which the sidecar reads as well.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Reads the table; holds no opinion of its own, and moves nothing (Ledger::move() does).
 */
final class States {

	/** The file, read once for each request. @var array|null */
	private static $file = null;

	/** All states: name => {settled, next, shop, label, phase, stage, poll_s, tone}. */
	public static function all(): array {
		return self::file()['states'];
	}

	/** The whole file. */
	private static function file(): array {
		if ( null === self::$file ) {
			self::$file = json_decode( file_get_contents( SMI_BRIDGE_DIR . 'schemas/states.json' ), true ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- a file of our own.
		}
		return self::$file;
	}

	/**
	 * Whether the table allows the step; staying where one is always is allowed.
	 *
	 * @param string $from A state.
	 * @param string $to   A state.
	 */
	public static function may_go( string $from, string $to ): bool {
		return $from === $to || in_array( $to, self::all()[ $from ]['next'], true );
	}

	/** Whether a state is an ending. @param string $state A state. */
	public static function is_settled( string $state ): bool {
		return self::all()[ $state ]['settled'];
	}

	/** Seconds until a customer's page asks again. @param string $state A state. @param string $phase What the customer sees. */
	public static function poll_s( string $state, string $phase ): int {
		return self::file()['phases'][ $phase ]['poll_s'] ?? self::all()[ $state ]['poll_s'];
	}

	/**
	 * Whether the customer is told that it takes longer: on a hold at once, with a failure that ends by itself after some minutes,
	 * and when nothing has moved for long. The sidecar's `is_delayed()` is the same rule (tests/vectors/delayed.json).
	 *
	 * @param string $state   A state.
	 * @param bool   $held    Whether its stage is on hold.
	 * @param bool   $failed  Whether a failure stands.
	 * @param int    $stage_s Seconds since the attempt reached its phase.
	 */
	public static function is_delayed( string $state, bool $held, bool $failed, int $stage_s ): bool {
		if ( ! in_array( self::all()[ $state ]['stage'], array( 'submit', 'watch', 'collect', 'deliver' ), true ) ) {
			return false;
		}
		return $held || $stage_s > ( $failed ? Time_Limits::DELAYED : Time_Limits::SILENT );
	}

	/** What the customer sees in that state, if all goes well. @param string $state A state. */
	public static function phase( string $state ): string {
		return self::all()[ $state ]['phase'];
	}

	/** Whether an event of job.progress gives a submission up, so that the attempt stands before its submit again. @param string $event An event. */
	public static function gives_up( string $event ): bool {
		return in_array( $event, self::file()['giving_up'], true );
	}

	/** What the shop's row says in that state. @param string $state A state. */
	public static function shop_word( string $state ): string {
		return self::all()[ $state ]['shop'];
	}

	/**
	 * States that are (or are not) endings.
	 *
	 * @param bool $settled Which.
	 * @return string[]
	 */
	public static function where_settled( bool $settled ): array {
		return array_keys( wp_list_pluck( self::all(), 'settled' ), $settled, true );
	}
}
