<?php
/**
 * Which columns the shop's table has: they differ between the shop's versions.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Remembered in an option (autoloaded, so that looking costs no query) until the shop's version changes or an hour has passed.
 */
final class Shop_Columns {

	const OPTION = 'smi_bridge_shop_columns';

	/** The option as it was read in this request, by table: WordPress unserializes it anew each time. @var array[] */
	private static $read = array();

	/**
	 * Names of the columns; empty when there is no such table.
	 *
	 * @param string $table Full table name.
	 * @return string[]
	 */
	public static function of( string $table ): array {
		$version = defined( 'SMI_VERSION' ) ? (string) SMI_VERSION : '';
		$known   = self::$read[ $table ] ?? get_option( self::OPTION );
		if ( is_array( $known ) && $known['table'] === $table && $known['version'] === $version
			&& $known['at'] > time() - ( $known['columns'] ? HOUR_IN_SECONDS : MINUTE_IN_SECONDS ) ) {
			self::$read[ $table ] = $known;
			return $known['columns'];
		}
		$known = array(
			'table'   => $table,
			'version' => $version,
			'columns' => self::look( $table ),
			'at'      => time(),
		);
		update_option( self::OPTION, $known, true );
		self::$read[ $table ] = $known;
		return $known['columns'];
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
