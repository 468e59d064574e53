<?php
/**
 * Which versions of bridge and sidecar work together; the same rule as in sidecar/core/compatibility.py.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * One major version, at most one minor version apart. Tells; refuses nobody: messages of versions that differ more are judged by their
 * schemas.
 */
final class Compatibility {

	/**
	 * Whether they do.
	 *
	 * @param string $bridge  Version of the bridge.
	 * @param string $sidecar Version of the sidecar.
	 */
	public static function work_together( string $bridge, string $sidecar ): bool {
		$form = '/^(\d+)\.(\d+)/';
		return preg_match( $form, $bridge, $ours ) && preg_match( $form, $sidecar, $theirs ) && $ours[1] === $theirs[1] && abs( (int) $ours[2] - (int) $theirs[2] ) <= 1;
	}
}
