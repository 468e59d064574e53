<?php
/**
 * Who may have the link of a job: a request with its status token (the mail's address, this browser's memory), or with the payment
 * session with which the provider has sent the payer back. A request with the job's id alone sees progress.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Site;
use SmiBridge\Core\Status_Token;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Decides by the present request, and grants tokens. It never tells why it refuses, and opens no file: the link it lets out has a token of
 * its own.
 */
final class Status_Access {

	const IN_ADDRESS = 'smi_status_token';

	/** The shop's own routes about a job: the ability of Sell My Images 1.7, and the route of before. Read as WordPress reads an address: in any case, with a line's end. */
	const SHOP_ROUTES = '#^/(?:wp-abilities/v\d+/abilities/sell-my-images/get-job-status/run|smi/v\d+/job-status/[^/]+)/?$#i';

	/**
	 * A new token, or '' when there is no secret to sign it with.
	 *
	 * @param string $job_id The job's id.
	 */
	public static function grant( string $job_id ): string {
		$keys = Settings::keys( Status_Token::PURPOSE );
		return $keys ? Status_Token::make( $keys[0], $job_id, time() + Time_Limits::STATUS_TOKEN, Site::hash() ) : '';
	}

	/**
	 * The token that this request may have for a job, or ''.
	 *
	 * @param string $job_id The job's id.
	 */
	public static function of_request( string $job_id ): string {
		foreach ( array( Request::query( self::IN_ADDRESS ), Request::header( 'Smi-Status-Token' ) ) as $token ) {
			if ( '' !== $token && Status_Token::opens( Settings::keys( Status_Token::PURPOSE ), $token, $job_id, time(), Site::hash() ) ) {
				return $token;
			}
		}
		foreach ( array( Request::query( 'session_id' ), Request::header( 'Smi-Payment-Session' ) ) as $session ) {
			if ( '' !== $session && self::is_payers( $job_id, $session ) ) {
				return self::grant( $job_id );
			}
		}
		return '';
	}

	/** Whether this request brings a proof at all, good or not: what it is answered may hold a link. */
	public static function brings_proof(): bool {
		return '' !== Request::query( self::IN_ADDRESS ) . Request::header( 'Smi-Status-Token' ) . Request::query( 'session_id' ) . Request::header( 'Smi-Payment-Session' );
	}

	/**
	 * Whether this is the session in which the job was paid: the payment provider tells it the shop and the payer, nobody else.
	 *
	 * @param string $job_id  The job's id.
	 * @param string $session As it came.
	 */
	private static function is_payers( string $job_id, string $session ): bool {
		$known = (string) ( self::job( $job_id )['payment_session'] ?? '' );
		return strlen( $known ) >= 16 && hash_equals( $known, $session );
	}

	/** The shop's job, or null; also where the database refuses: a visitor's page goes on without it. @param string $job_id The job's id. */
	public static function job( string $job_id ): ?array {
		try {
			return Shop::job( $job_id );
		} catch ( Database_Error $fault ) {
			Log::write( 'job_unreadable', $fault->getMessage(), array( 'job_id' => $job_id ) );
			return null;
		}
	}

	/** What a page of another origin (a second domain of the site) may send. @param string[] $headers WordPress' own. */
	public static function allow_headers( $headers ): array {
		return array_merge( (array) $headers, array( 'Smi-Status-Token', 'Smi-Payment-Session', 'If-None-Match' ) );
	}

	/**
	 * Filter `rest_post_dispatch`: the shop's own answer about a job hands the download link to anybody with the job's id, and the shop
	 * tells the id of a job that waits for its payment to the next visitor who begins to buy the same picture. Here the link is taken out,
	 * unless the request proves itself. The shop's front end loses nothing: who comes back from payment sees this plugin's view, and the
	 * mail has the link.
	 *
	 * @param mixed            $response The answer.
	 * @param \WP_REST_Server  $server   The server.
	 * @param \WP_REST_Request $request  The request.
	 * @return mixed
	 */
	public static function withhold_link( $response, $server, $request ) {
		if ( ! $response instanceof \WP_REST_Response || ! preg_match( self::SHOP_ROUTES, (string) $request->get_route() ) ) {
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
		$proven = Job_Id::matches( $job_id ) && '' !== self::of_request( $job_id );
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
