<?php
/**
 * The states of an attempt, where each may go, and the shop's word for each: `schemas/states.json`, which the sidecar reads as well.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Reads the table; holds no opinion of its own.
 */
final class States {

	/** The table, read once for each request. @var array|null */
	private static $table = null;

	/** All states: name => {settled, next, shop, label, phase, stage, poll_s, tone}. */
	public static function all(): array {
		if ( null === self::$table ) {
			self::$table = json_decode( file_get_contents( SMI_BRIDGE_DIR . 'schemas/states.json' ), true )['states']; // phpcs:ignore WordPress.WP.AlternativeFunctions -- a file of our own.
		}
		return self::$table;
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
		$names = array();
		foreach ( self::all() as $name => $row ) {
			if ( $row['settled'] === $settled ) {
				$names[] = $name;
			}
		}
		return $names;
	}
}
