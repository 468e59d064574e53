<?php
/**
 * Our retry button on the shop's own page of jobs. Touches the shop's markup in this one file.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Settings;
use SmiBridge\Jobs\Actions;
use SmiBridge\Jobs\Allowed_Actions;
use SmiBridge\Ledger\Ledger;

defined( 'ABSPATH' ) || exit;

/**
 * The shop (page `sell-my-images-jobs`) has no button for a job that hangs in `processing`, and its retry of a failed one does nothing.
 */
final class Shop_Jobs_Page {

	/** Adds the script on that page. @param string $hook Suffix of the page. */
	public static function enqueue( $hook ): void {
		if ( false !== strpos( (string) $hook, 'sell-my-images-jobs' ) && Admin_Access::may() && Settings::is_configured() ) {
			Admin::load_script( 'admin' );
			Admin::load_script( 'shop-jobs', 'smi-bridge-admin' );
		}
	}

	/** AJAX: what may be done with the jobs on that page: `{job id: {state, label, retry: bool}}`. */
	public static function states(): void {
		Admin_Access::check_ajax();
		$job_ids = isset( $_POST['jobs'] ) && is_string( $_POST['jobs'] ) ? explode( ',', sanitize_text_field( wp_unslash( $_POST['jobs'] ) ) ) : array(); // phpcs:ignore WordPress.Security.NonceVerification -- checked above.
		$states  = array();
		foreach ( Ledger::newest_of( array_slice( $job_ids, 0, 200 ) ) as $job_id => $row ) {
			$states[ $job_id ] = array(
				'state' => $row['state'],
				'label' => Job_Labels::state( $row['state'] )[0],
				'retry' => in_array( 'retry', Allowed_Actions::possible( $row ), true ),
			);
		}
		wp_send_json_success( (object) $states );
	}

	/** AJAX: retries one job. */
	public static function retry(): void {
		Admin_Access::check_ajax();
		$job_id = isset( $_POST['job'] ) && is_string( $_POST['job'] ) ? sanitize_text_field( wp_unslash( $_POST['job'] ) ) : ''; // phpcs:ignore WordPress.Security.NonceVerification -- checked above.
		$result = Job_Id::matches( $job_id ) ? Actions::run( 'retry', $job_id ) : array( 'ok' => false, 'message' => __( 'There is no such job.', 'smi-bridge' ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		if ( ! $result['ok'] ) {
			wp_send_json_error( $result, 409 );
		}
		wp_send_json_success( $result );
	}
}
