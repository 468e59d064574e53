<?php
/**
 * The download: PHP reads the file and passes it on, piece by piece.
 *
 * @package InRequestHandler
 */

namespace InRequestHandler;

defined( 'ABSPATH' ) || exit;

/** `GET /wp-json/in-request/v1/download/<token>`. */
function register_download(): void {
	register_rest_route(
		'in-request/v1',
		'/download/(?P<token>[a-zA-Z0-9]{64})',
		array(
			'methods'             => 'GET',
			'permission_callback' => '__return_true',
			'callback'            => static function ( \WP_REST_Request $request ) {
				$job = job_by( 'download_token', (string) $request['token'] );
				if ( ! $job || 'completed' !== $job->status || strtotime( $job->download_expires_at . ' UTC' ) <= time() ) {
					return new \WP_Error( 'not_found', 'There is nothing to download here.', array( 'status' => 404 ) );
				}
				send_in_chunks( $job->upscaled_file_path );
				exit;
			},
		)
	);
}

/**
 * Sends a file, 8 KB at a time.
 *
 * @param string $file Its path.
 */
function send_in_chunks( string $file ): void {
	while ( ob_get_level() ) {
		ob_end_clean();
	}
	header( 'Content-Type: application/octet-stream' );
	header( 'Content-Length: ' . filesize( $file ) );
	header( 'Content-Disposition: attachment; filename="' . basename( $file ) . '"' );
	// phpcs:disable WordPress.WP.AlternativeFunctions, WordPress.Security.EscapeOutput
	$handle = fopen( $file, 'rb' );
	while ( ! feof( $handle ) ) {
		echo fread( $handle, 8192 );
		flush();
	}
	fclose( $handle );
}
