<?php
/**
 * The status page by link: `?smi_status_page=<job_id>&smi_status_token=<token>`, a page of its own that needs no theme and is never cached or indexed.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Request;

defined( 'ABSPATH' ) || exit;

/**
 * Answers the address in every theme, before the theme is asked for a template. A job that nobody knows is a page with status 404, not an
 * error.
 */
final class Status_Page {

	/** Renders the page when the address asks for it, and ends the request. */
	public static function catch_address(): void {
		if ( ! isset( $_GET['smi_status_page'] ) ) { // phpcs:ignore WordPress.Security.NonceVerification -- a link from a mail; reading it has no effect.
			return;
		}
		$job_id = Request::query( 'smi_status_page' );
		$job_id = Job_Id::matches( $job_id ) ? $job_id : 'unknown';
		$known  = 'unknown' !== Status_Route::of_job( $job_id, false )['phase'];
		status_header( $known ? 200 : 404 );
		nocache_headers();
		Private_Answer::mark();
		header( 'Content-Type: text/html; charset=UTF-8' );
		$smib_view = Status_View::inline( $job_id, 'h1' );
		Private_Answer::send( 'no-referrer' ); // The address is the key to the file; in place of what the view says of other pages.
		$template  = locate_template( 'smi-bridge/status-page.php' );
		include '' === $template ? SMI_BRIDGE_DIR . 'templates/status-page.php' : $template;
		exit;
	}
}
