<?php
/**
 * The shop's two public routes: the state of a job, and the download of its file.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

use WP_Error;
use WP_REST_Request;

defined( 'ABSPATH' ) || exit;

/** Both routes. */
function register_routes(): void {
	register_rest_route(
		'smi/v1',
		'/job-status/(?P<job_id>[a-f0-9-]{36})',
		array(
			'methods'             => 'GET',
			'callback'            => __NAMESPACE__ . '\answer_status',
			'permission_callback' => '__return_true',
		)
	);
	register_rest_route(
		'smi/v1',
		'/download/(?P<token>[^/]+)',
		array(
			'methods'             => 'GET',
			'callback'            => __NAMESPACE__ . '\answer_download',
			'permission_callback' => '__return_true',
		)
	);
}

/**
 * What the shop's front end polls.
 *
 * @return array|WP_Error
 */
function answer_status( WP_REST_Request $request ) {
	$job = find_job( 'job_id', $request['job_id'] );
	if ( ! $job ) {
		return new WP_Error( 'job_not_found', __( 'There is no such job.', 'smi-demo-shop' ), array( 'status' => 404 ) );
	}
	$data = array(
		'job_id'         => $job->job_id,
		'status'         => $job->status,
		'payment_status' => $job->payment_status,
		'resolution'     => $job->resolution,
		'created_at'     => $job->created_at,
	);
	if ( 'completed' === $job->status && $job->download_token ) {
		$data['download_url'] = rest_url( 'smi/v1/download/' . $job->download_token );
	}
	return array(
		'success' => true,
		'data'    => $data,
	);
}

/**
 * The file, if the token is a living one and the file lies in the uploads folder.
 *
 * @return WP_Error Only when it is refused; a file that is sent ends the request.
 */
function answer_download( WP_REST_Request $request ) {
	if ( ! preg_match( '/^[a-zA-Z0-9]{64}$/D', $request['token'] ) ) {
		return new WP_Error( 'invalid_token', __( 'This link is not valid.', 'smi-demo-shop' ), array( 'status' => 400 ) );
	}
	$job = find_job( 'download_token', $request['token'] );
	if ( ! $job || 'completed' !== $job->status ) {
		return new WP_Error( 'not_found', __( 'There is nothing to download here.', 'smi-demo-shop' ), array( 'status' => 404 ) );
	}
	if ( ! $job->download_expires_at || strtotime( $job->download_expires_at . ' UTC' ) <= time() ) {
		return new WP_Error( 'expired', __( 'This link has expired.', 'smi-demo-shop' ), array( 'status' => 410 ) );
	}
	$file    = realpath( (string) $job->upscaled_file_path );
	$uploads = realpath( wp_get_upload_dir()['basedir'] );
	if ( ! $file || 0 !== strpos( $file, $uploads . DIRECTORY_SEPARATOR ) ) {
		return new WP_Error( 'not_found', __( 'The file is gone.', 'smi-demo-shop' ), array( 'status' => 404 ) );
	}
	send_file( $file );
	exit;
}

/** The bytes, through PHP, in pieces. */
function send_file( string $file ): void {
	while ( ob_get_level() ) {
		ob_end_clean();
	}
	header( 'Content-Type: ' . wp_check_filetype( $file )['type'] );
	header( 'Content-Length: ' . filesize( $file ) );
	header( 'Content-Disposition: attachment; filename="' . basename( $file ) . '"' );
	nocache_headers();
	readfile( $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_readfile
}
