<?php
/**
 * Which columns the shop's table has: they differ between the shop's versions.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Remembered in an option (autoloaded, so that looking costs no query) until the shop's version changes or an hour has passed.
 */
final class Shop_Columns {

	const OPTION = 'smi_bridge_shop_columns';

	/**
	 * Names of the columns; empty when there is no such table.
	 *
	 * @param string $table Full table name.
	 * @return string[]
	 */
	public static function of( string $table ): array {
		$version = defined( 'SMI_VERSION' ) ? (string) SMI_VERSION : '';
		$known   = get_option( self::OPTION );
		if ( is_array( $known ) && $known['table'] === $table && $known['version'] === $version
			&& $known['at'] > time() - ( $known['columns'] ? HOUR_IN_SECONDS : MINUTE_IN_SECONDS ) ) {
			return $known['columns'];
		}
		$columns = self::look( $table );
		update_option(
			self::OPTION,
			array(
				'table'   => $table,
				'version' => $version,
				'columns' => $columns,
				'at'      => time(),
			),
			true
		);
		return $columns;
	}

	/**
	 * Asks the database.
	 *
	 * @param string $table Full table name.
	 * @return string[]
	 */
	private static function look( string $table ): array {
		$db = $GLOBALS['wpdb'];
		// phpcs:disable WordPress.DB -- the name is ours; the answer is cached by the caller.
		if ( ! $db->get_var( $db->prepare( 'SHOW TABLES LIKE %s', $db->esc_like( $table ) ) ) ) {
			return array();
		}
		return (array) $db->get_col( "DESCRIBE $table", 0 );
		// phpcs:enable
	}
}
