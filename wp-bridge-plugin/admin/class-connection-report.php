<?php
/**
 * Answers the "Test connection" button: the core's test, finding by finding, in plain words and with the way to fix it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Health\Connection_Findings;

defined( 'ABSPATH' ) || exit;

/**
 * One AJAX answer: `{ok, findings: list of {level: ok, warn or bad, title, text, detail, fix}}`. It tests and judges nothing by itself.
 */
final class Connection_Report {

	/** AJAX. */
	public static function answer(): void {
		Admin_Access::check_ajax();
		wp_send_json_success( Connection_Findings::report() );
	}
}
