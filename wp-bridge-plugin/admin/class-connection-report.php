<?php
/**
 * Answers the "Test connection" button: the core's test, finding by finding, in plain words and with the way to fix it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Health\Connection_Findings;
use SmiBridge\Health\Connection_Test;

defined( 'ABSPATH' ) || exit;

/**
 * Findings are `{level: ok, warn or bad, title, text, detail}`.
 */
final class Connection_Report {

	/** AJAX. */
	public static function answer(): void {
		Admin_Access::check_ajax();
		$findings = Connection_Findings::of( Connection_Test::tested() );
		wp_send_json_success(
			array(
				'ok'       => ! in_array( 'bad', array_column( $findings, 'level' ), true ),
				'findings' => $findings,
			)
		);
	}
}
