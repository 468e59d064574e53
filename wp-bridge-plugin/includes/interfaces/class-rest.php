<?php
/**
 * Endpoint for other programs of the admin's: `smi-bridge/v1/jobs`. Lists jobs, shows their history, does what the admin's pages do.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Log;
use SmiBridge\Core\Schemas;
use SmiBridge\Jobs\Actions;

defined( 'ABSPATH' ) || exit;

/**
 * Every route asks for the capability of the bridge's pages. What may be done with a job is decided by Actions alone.
 */
final class Rest {

	const SPACE = 'smi-bridge/v1';

	/** The id of a job in an address. */
	const JOB = '/jobs/(?P<id>' . Job_Id::PATTERN . ')';

	/** The server that has our routes. @var \WP_REST_Server|null */
	private static $server = null;

	/** Action `rest_api_init`: a page or a command that looks at the routes sees all. @param \WP_REST_Server $server Server. */
	public static function register_outside_requests( $server ): void {
		if ( ! defined( 'REST_REQUEST' ) || ! REST_REQUEST ) {
			self::register_routes( $server );
		}
	}

	/**
	 * Registers the routes when a request asks for one of them, or for a list of routes: other REST requests, such as each autosave of the
	 * editor, need not read two catalogues.
	 *
	 * @param mixed            $answer  Of other filters; passed on.
	 * @param \WP_REST_Server  $server  Server.
	 * @param \WP_REST_Request $request Request.
	 * @return mixed
	 */
	public static function register_when_asked( $answer, $server, $request ) {
		$route = strtolower( untrailingslashit( $request->get_route() ) ); // As generous as WordPress is.
		$lists = array( '', '/' . self::SPACE );
		if ( in_array( $route, $lists, true ) || 0 === strpos( $route . '/', '/' . self::SPACE . '/jobs/' ) ) {
			self::register_routes( $server );
		}
		return $answer;
	}

	/** Registers all routes, once. @param \WP_REST_Server $server Server. */
	private static function register_routes( $server ): void {
		if ( self::$server === $server ) {
			return;
		}
		self::$server = $server;
		$id   = array( 'id' => Catalogue::id() + array( 'required' => true ) );
		$list = Catalogue::part( 'list' );
		foreach ( array( 'from', 'to' ) as $day ) {
			$list[ $day ]['validate_callback'] = array( self::class, 'is_day' );
		}
		self::route( '/jobs', 'GET', array( self::class, 'jobs' ), $list, 'job' );
		self::route( self::JOB, 'GET', array( self::class, 'job' ), $id, 'full' );
		foreach ( Catalogue::actions() as $action => $about ) {
			$work = static function ( $request ) use ( $action ) {
				return self::act( $action, (string) $request['id'], $request->get_params() );
			};
			self::route( self::JOB . '/' . $action, 'POST', $work, $id + $about['options'], 'answer' );
		}
	}

	/**
	 * `GET /jobs`: a page of jobs, with WordPress' usual parameters and headers.
	 *
	 * @param \WP_REST_Request $request Checked against the catalogue.
	 * @return \WP_REST_Response|\WP_Error
	 */
	public static function jobs( $request ) {
		$page  = (int) $request['page'];
		$found = Job_View::page( $request->get_params() );
		$pages = $found['pages'];
		if ( $page > max( 1, $pages ) ) {
			return new \WP_Error( 'rest_invalid_page_number', __( 'There is no such page.', 'smi-bridge' ), array( 'status' => 400 ) );
		}
		$response = new \WP_REST_Response( $found['jobs'] );
		$response->header( 'X-WP-Total', (string) $found['total'] );
		$response->header( 'X-WP-TotalPages', (string) $pages );
		$base = add_query_arg( urlencode_deep( $request->get_query_params() ), rest_url( self::SPACE . '/jobs' ) );
		if ( $page > 1 ) {
			$response->link_header( 'prev', add_query_arg( 'page', $page - 1, $base ) );
		}
		if ( $page < $pages ) {
			$response->link_header( 'next', add_query_arg( 'page', $page + 1, $base ) );
		}
		return $response;
	}

	/** `GET /jobs/<id>`. @param \WP_REST_Request $request Request. @return array|\WP_Error */
	public static function job( $request ) {
		return self::full( (string) $request['id'] );
	}

	/**
	 * All that is known of a job.
	 *
	 * @param string $job_id The shop's id.
	 * @return array|\WP_Error
	 */
	public static function full( string $job_id ) {
		return Job_View::full( $job_id ) ?? self::error( 'unknown_job', __( 'The ledger does not know this job.', 'smi-bridge' ) );
	}

	/**
	 * Does something with a job.
	 *
	 * @param string $action  As in the catalogue.
	 * @param string $job_id  The shop's id.
	 * @param array  $options See Actions::run().
	 * @return array|\WP_Error
	 */
	public static function act( string $action, string $job_id, array $options ) {
		$answer = Actions::run( $action, $job_id, $options );
		return $answer['ok'] ? compact( 'job_id' ) + $answer : self::error( $answer['code'], $answer['message'] );
	}

	/** Who may. @return true|\WP_Error */
	public static function may() {
		return Admin_Access::may() ? true : new \WP_Error( 'rest_forbidden', __( 'You are not allowed to do this.', 'smi-bridge' ), array( 'status' => rest_authorization_required_code() ) );
	}

	/**
	 * Whether a parameter is a day of the calendar.
	 *
	 * @param mixed            $value   As it came.
	 * @param \WP_REST_Request $request Request.
	 * @param string           $name    Of the parameter.
	 * @return bool|\WP_Error
	 */
	public static function is_day( $value, $request, $name ) {
		$fits = rest_validate_request_arg( $value, $request, $name );
		if ( true !== $fits || '' === $value ) {
			return $fits;
		}
		list( $year, $month, $day ) = array_map( 'intval', explode( '-', $value ) );
		return checkdate( $month, $day, $year );
	}

	/**
	 * Registers a route.
	 *
	 * @param string   $path   Below the namespace.
	 * @param string   $method GET or POST.
	 * @param callable $work   Gets the request.
	 * @param array    $params Schemas of parameters.
	 * @param string   $schema Name of the answer's schema (of one item's, for lists).
	 */
	private static function route( string $path, string $method, callable $work, array $params, string $schema ): void {
		register_rest_route(
			self::SPACE,
			$path,
			array(
				array(
					'methods'             => $method,
					'permission_callback' => array( self::class, 'may' ),
					'callback'            => self::guard( 'rest_failed', $work ),
					'args'                => $params,
				),
				'schema' => static function () use ( $schema ) {
					return array(
						'$schema' => 'http://json-schema.org/draft-04/schema#',
						'title'   => 'smi-bridge-job',
					) + Catalogue::schema( $schema );
				},
			)
		);
	}

	/**
	 * Work of a route or an ability. A refusing database is an answer, not a crash.
	 *
	 * @param string   $event For the log.
	 * @param callable $work  Gets a request, or an ability's input.
	 */
	public static function guard( string $event, callable $work ): callable {
		return static function ( $input = array() ) use ( $event, $work ) {
			try {
				return $work( $input );
			} catch ( Database_Error $fault ) {
				Log::write( $event, $fault->getMessage() );
				return self::error( 'database', __( 'The database refused; its log says why.', 'smi-bridge' ) );
			}
		};
	}

	/** An answer that is no success. @param string $code Code of Actions. @param string $message Plain text. */
	public static function error( string $code, string $message ): \WP_Error {
		return new \WP_Error( 'smi_bridge_' . $code, $message, array( 'status' => Schemas::get( 'interfaces' )['statuses'][ $code ] ?? 409 ) );
	}
}
