<?php
/**
 * The shop's own answer about a job: it hands the download link to whoever knows the job's id, and the shop tells the id of a job that waits
 * for its payment to the next visitor who begins to buy the same picture. Here the link is taken out, unless the request proves itself.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Job_Id;

defined( 'ABSPATH' ) || exit;

/**
 * The shop's front end loses nothing: who comes back from payment sees this plugin's view, and the mail has the link.
 */
final class Shop_Status {

	/** Its routes: the ability of Sell My Images 1.7, and the route of before. Read as WordPress reads an address: in any case, with a line's end. */
	const ROUTES = '#^/(?:wp-abilities/v\d+/abilities/sell-my-images/get-job-status/run|smi/v\d+/job-status/[^/]+)/?$#i';

	/**
	 * Filter `rest_post_dispatch`.
	 *
	 * @param mixed            $response The answer.
	 * @param \WP_REST_Server  $server   The server.
	 * @param \WP_REST_Request $request  The request.
	 * @return mixed
	 */
	public static function withhold_link( $response, $server, $request ) {
		if ( ! $response instanceof \WP_REST_Response || ! preg_match( self::ROUTES, (string) $request->get_route() ) ) {
			return $response;
		}
		Private_Answer::rest( $response );
		$data = $response->get_data();
		if ( is_array( $data ) ) {
			$inner  = isset( $data['data'] ) && is_array( $data['data'] ) ? $data['data'] : $data;
			$job_id = $inner['job_id'] ?? '';
			if ( isset( $inner['download_url'] ) && ! self::may_have_it( is_string( $job_id ) ? $job_id : '', $request ) ) {
				unset( $data['download_url'], $data['data']['download_url'] );
				$response->set_data( $data );
			}
		}
		return $response;
	}

	/**
	 * Whether this request may have the link.
	 *
	 * @param string           $job_id  The job's id, as the shop says it.
	 * @param \WP_REST_Request $request The request.
	 */
	private static function may_have_it( string $job_id, \WP_REST_Request $request ): bool {
		$proven = Job_Id::matches( $job_id ) && '' !== Status_Access::of_request( $job_id );
		/**
		 * Whether the shop's own status route may tell the download link, for front ends that prove in another way whom they serve.
		 *
		 * @param bool             $may     Whether the request brings the job's status token or payment session, or is an admin's.
		 * @param string           $job_id  The job's id.
		 * @param \WP_REST_Request $request The request.
		 */
		return (bool) apply_filters( 'smi_bridge_shop_status_link', $proven || Admin_Access::may(), $job_id, $request );
	}
}
