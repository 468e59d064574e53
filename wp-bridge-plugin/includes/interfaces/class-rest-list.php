<?php
/**
 * `GET smi-bridge/v1/jobs`: a page of jobs, with WordPress' usual parameters and headers.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Jobs\Jobs_Query;

defined( 'ABSPATH' ) || exit;

/**
 * The same list as the admin's page, by Jobs_Query.
 */
final class Rest_List {

	/** Schemas of the parameters. */
	public static function params(): array {
		return array(
			'page'     => array(
				'description' => __( 'Page of the list.', 'smi-bridge' ),
				'type'        => 'integer',
				'default'     => 1,
				'minimum'     => 1,
				'maximum'     => 1000000,
			),
			'per_page' => array(
				'description' => __( 'Jobs on a page.', 'smi-bridge' ),
				'type'        => 'integer',
				'default'     => 20,
				'minimum'     => 1,
				'maximum'     => 100,
			),
			'view'     => array(
				'description' => __( 'Which jobs, as in the list of the admin’s pages.', 'smi-bridge' ),
				'type'        => 'string',
				'default'     => 'all',
				'enum'        => array_keys( Jobs_Query::views() ),
			),
			'search'   => array(
				'description'       => __( 'Beginning of an id or e-mail address, a post’s number, words of a title.', 'smi-bridge' ),
				'type'              => 'string',
				'default'           => '',
				'maxLength'         => 200,
				'validate_callback' => 'rest_validate_request_arg',
				'sanitize_callback' => 'sanitize_text_field', // Also takes out what is no UTF-8, which the database would refuse.
			),
			'from'     => self::day( __( 'Paid on that day or later, in site time.', 'smi-bridge' ) ),
			'to'       => self::day( __( 'Paid on that day or earlier, in site time.', 'smi-bridge' ) ),
			'order'    => array(
				'description' => __( 'By age.', 'smi-bridge' ),
				'type'        => 'string',
				'default'     => 'desc',
				'enum'        => array( 'asc', 'desc' ),
			),
		);
	}

	/**
	 * Answers.
	 *
	 * @param \WP_REST_Request $request Checked against params().
	 * @return \WP_REST_Response|\WP_Error
	 */
	public static function answer( $request ) {
		$limit  = (int) $request['per_page'];
		$page   = (int) $request['page'];
		$wanted = array(
			'limit'  => $limit,
			'offset' => ( $page - 1 ) * $limit,
		);
		foreach ( array( 'view', 'search', 'from', 'to', 'order' ) as $name ) {
			$wanted[ $name ] = (string) $request[ $name ];
		}
		$found = Jobs_Query::find( $wanted );
		$pages = (int) ceil( $found['total'] / $limit );
		if ( $page > max( 1, $pages ) ) {
			return new \WP_Error( 'rest_invalid_page_number', __( 'There is no such page.', 'smi-bridge' ), array( 'status' => 400 ) );
		}
		$response = new \WP_REST_Response( Job_View::items( $found['rows'] ) );
		$response->header( 'X-WP-Total', (string) $found['total'] );
		$response->header( 'X-WP-TotalPages', (string) $pages );
		$base = add_query_arg( urlencode_deep( $request->get_query_params() ), rest_url( Rest::SPACE . '/jobs' ) );
		if ( $page > 1 ) {
			$response->link_header( 'prev', add_query_arg( 'page', $page - 1, $base ) );
		}
		if ( $page < $pages ) {
			$response->link_header( 'next', add_query_arg( 'page', $page + 1, $base ) );
		}
		return $response;
	}

	/** A parameter that is a day. @param string $about Description. */
	private static function day( string $about ): array {
		return array(
			'description'       => $about,
			'type'              => 'string',
			'default'           => '',
			'pattern'           => '^([0-9]{4}-[0-9]{2}-[0-9]{2})?$',
			'validate_callback' => static function ( $value, $request, $name ) {
				$fits = rest_validate_request_arg( $value, $request, $name );
				if ( true !== $fits || '' === $value ) {
					return $fits;
				}
				list( $year, $month, $day ) = array_map( 'intval', explode( '-', $value ) );
				return checkdate( $month, $day, $year );
			},
		);
	}
}
