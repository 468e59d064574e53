<?php
/**
 * What an admin may do with jobs, from lists and pages: checks who asks, calls Actions, says what came of it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Format;
use SmiBridge\Core\Job_Id;
use SmiBridge\Jobs\Actions;
use SmiBridge\Jobs\Allowed_Actions;

defined( 'ABSPATH' ) || exit;

/**
 * Links carry a nonce for their action and job; lists carry WordPress' own for bulk actions. Both end in a redirect.
 */
final class Job_Actions {

	/**
	 * A link that does something.
	 *
	 * @param string $action Action.
	 * @param string $job_id The shop's id.
	 * @param string $look   CSS classes.
	 * @return string HTML.
	 */
	public static function link( string $action, string $job_id, string $look = '' ): string {
		// phpcs:ignore WordPress.Security.NonceVerification -- says where to return to.
		$from = isset( $_GET['job'] ) ? array( 'back' => 'job' ) : array();
		$url  = Admin_Access::url(
			'jobs',
			array(
				'do'       => $action,
				'for'      => $job_id,
				'_wpnonce' => wp_create_nonce( 'smi_bridge_' . $action . '_' . $job_id ),
			) + $from
		);
		return sprintf(
			'<a href="%s" class="%s"%s>%s</a>',
			esc_url( $url ),
			esc_attr( trim( $look . ' smib-do' ) ),
			'' === Allowed_Actions::question( $action ) ? '' : ' data-smib-confirm="' . esc_attr( Allowed_Actions::question( $action ) ) . '"',
			esc_html( Allowed_Actions::labels()[ $action ] ?? $action )
		);
	}

	/** Runs what the request asks for, if anything, and redirects. Called before any output. */
	public static function handle(): void {
		// phpcs:disable WordPress.Security.NonceVerification -- checked below, by name.
		$single = isset( $_GET['do'], $_GET['for'] ) && is_string( $_GET['for'] );
		$bulk   = isset( $_POST['jobs'] ) && is_array( $_POST['jobs'] );
		if ( ! $single && ! $bulk ) {
			return;
		}
		if ( $single ) {
			$action  = sanitize_key( $_GET['do'] );
			$job_ids = array( sanitize_text_field( wp_unslash( $_GET['for'] ) ) );
			Admin_Access::check_form( 'smi_bridge_' . $action . '_' . $job_ids[0] );
		} else {
			Admin_Access::check_form( 'bulk-jobs' );
			$action  = self::bulk_action();
			$job_ids = array_map( 'sanitize_text_field', array_filter( wp_unslash( $_POST['jobs'] ), 'is_string' ) );
		}
		// phpcs:enable
		if ( isset( Allowed_Actions::labels()[ $action ] ) ) {
			set_transient( self::key(), self::run( $action, $job_ids ), 5 * MINUTE_IN_SECONDS ); // For the page after the redirect.
		}
		$stay = $single && isset( $_GET['back'] ) ? array( 'job' => $job_ids[0] ) : array();
		wp_safe_redirect( $stay ? Admin_Access::url( 'jobs', $stay ) : remove_query_arg( array( 'do', 'for', '_wpnonce', 'back' ) ) );
		exit;
	}

	/**
	 * Does it, job by job.
	 *
	 * @param string   $action  Action.
	 * @param string[] $job_ids Ids.
	 * @return array[] List of {job_id, ok, code, message}.
	 */
	public static function run( string $action, array $job_ids ): array {
		$results = array();
		foreach ( array_slice( array_unique( $job_ids ), 0, 500 ) as $job_id ) {
			if ( Job_Id::matches( $job_id ) ) {
				$results[] = array( 'job_id' => $job_id ) + Actions::run( $action, $job_id );
			}
		}
		return $results;
	}

	/** Prints what the last action did, once. */
	public static function print_results(): void {
		$results = get_transient( self::key() );
		if ( ! is_array( $results ) ) {
			return;
		}
		delete_transient( self::key() );
		foreach ( array( true, false ) as $ok ) {
			$groups = array();
			foreach ( $results as $result ) {
				if ( $result['ok'] === $ok ) {
					$groups[ $result['message'] ][] = Format::reference( $result['job_id'] );
				}
			}
			foreach ( $groups as $message => $references ) {
				$more = count( $references ) - 5;
				$list = implode( ', ', array_slice( $references, 0, 5 ) );
				/* translators: 1: references of orders, 2: number of further ones */
				$list = $more > 0 ? sprintf( __( '%1$s and %2$s more', 'smi-bridge' ), $list, number_format_i18n( $more ) ) : $list;
				printf( '<div class="notice notice-%s is-dismissible"><p>%s <span class="smib-ref">%s</span></p></div>', $ok ? 'success' : 'error', esc_html( $message ), esc_html( $list ) );
			}
		}
	}

	/** The action chosen above or below the list. */
	private static function bulk_action(): string {
		foreach ( array( 'action', 'action2' ) as $name ) {
			$action = isset( $_POST[ $name ] ) ? sanitize_key( $_POST[ $name ] ) : ''; // phpcs:ignore WordPress.Security.NonceVerification -- checked by the caller.
			if ( '' !== $action && '-1' !== $action ) {
				return $action;
			}
		}
		return '';
	}

	/** Where this user's results are kept. */
	private static function key(): string {
		return 'smi_bridge_results_' . get_current_user_id();
	}
}
