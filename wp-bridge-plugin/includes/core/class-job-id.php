<?php
/**
 * The form of a job’s id: the shop’s own, a UUID as a rule.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * The same pattern as in schemas/ and sidecar/core/job.py.
 */
final class Job_Id {

	/** Source of the pattern, for routes and JSON Schemas. */
	const PATTERN = '[A-Za-z0-9_-]{1,64}';

	/** Whether a value has the form of a job's id. @param mixed $value Anything. */
	public static function matches( $value ): bool {
		return is_scalar( $value ) && 1 === preg_match( '/^' . self::PATTERN . '\z/', (string) $value );
	}
}
