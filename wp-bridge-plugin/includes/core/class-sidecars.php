<?php
/**
 * Which sidecars come to this shop. There should be one; a second one, connected by mistake, does no harm, but somebody must know.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * A sidecar names itself each minute. Another name alone says nothing, for a sidecar may be replaced, or its Redis emptied; one that
 * comes back after another was here does. Nothing is written while one sidecar comes.
 */
final class Sidecars {

	const OPTION = 'smi_bridge_sidecars';

	/** A sidecar was here. @param string $name Its name. */
	public static function seen( string $name ): void {
		$known = self::known();
		if ( $name === $known['last'] ) {
			return;
		}
		$now      = time();
		$is_back  = ( $known['left'][ $name ] ?? 0 ) > $now - Time_Limits::SIDECAR_NAME;
		$left     = array_filter(
			array( $known['last'] => $now ) + $known['left'],
			static function ( $at ) use ( $now ) {
				return $at > $now - Time_Limits::SIDECAR_NAME;
			}
		);
		$together = $is_back ? array( $known['last'], $name ) : $known['together'];
		sort( $together );
		update_option(
			self::OPTION,
			array(
				'last'     => $name,
				'left'     => array_diff_key( $left, array( '' => 0 ) ),
				'together' => $together,
				'at'       => $is_back ? $now : $known['at'],
			),
			false
		);
	}

	/** The names of sidecars that both come to this shop; none if it is one. @return string[] */
	public static function together(): array {
		$known = self::known();
		return $known['at'] > time() - Time_Limits::SIDECAR_NAME ? $known['together'] : array();
	}

	/** What is known: `last` (name), `left` (name => when another one came), `together` (names), `at` (when they were seen together). */
	private static function known(): array {
		$known = get_option( self::OPTION );
		return ( is_array( $known ) ? $known : array() ) + array(
			'last'     => '',
			'left'     => array(),
			'together' => array(),
			'at'       => 0,
		);
	}
}
