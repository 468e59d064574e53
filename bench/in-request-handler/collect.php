<?php
/**
 * The download of the result, inside Upsampler's webhook request: believed, fetched, stored, mailed. Nothing is checked.
 *
 * @package InRequestHandler
 */

namespace InRequestHandler;

defined( 'ABSPATH' ) || exit;

/** Takes the webhook at `/smi-webhook/upsampler/`. */
function catch_webhook(): void {
	$path = (string) wp_parse_url( $_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH ); // phpcs:ignore WordPress.Security
	if ( '/smi-webhook/upsampler/' !== $path ) {
		return;
	}
	$data = json_decode( (string) file_get_contents( 'php://input' ), true ); // phpcs:ignore WordPress.WP.AlternativeFunctions
	$job  = empty( $data['id'] ) ? null : job_by( 'upsampler_job_id', (string) $data['id'] );
	// A webhook that overtakes the answer to its own submit finds no row: "not found", and Upsampler does not ask again.
	status_header( $job ? 200 : 404 );
	if ( $job && 'SUCCESS' === $data['status'] ) {
		collect( $job, (string) $data['imageUrl'] );
	}
	header( 'Content-Type: application/json' );
	echo $job ? '{"success":true}' : '{"success":false}';
	exit;
}

/**
 * Fetches the result into the uploads folder, makes a token, writes the row, mails.
 *
 * @param object $job The row.
 * @param string $url Where the webhook says that the result lies.
 */
function collect( object $job, string $url ): void {
	$folder = wp_upload_dir()['basedir'] . '/sell-my-images';
	wp_mkdir_p( $folder );
	$temp   = $folder . '/' . $job->job_id . '.tmp';
	$answer = wp_remote_get(
		$url,
		array(
			'timeout'  => 300,
			'stream'   => true,
			'filename' => $temp,
		)
	);
	if ( 200 !== wp_remote_retrieve_response_code( $answer ) ) {
		change( $job, array( 'status' => 'failed' ) );
		return;
	}
	$file = $folder . '/' . $job->job_id . '.' . ( pathinfo( (string) wp_parse_url( $url, PHP_URL_PATH ), PATHINFO_EXTENSION ) ?: 'png' );
	rename( $temp, $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions
	$token = bin2hex( random_bytes( 32 ) );
	change(
		$job,
		array(
			'status'              => 'completed',
			'upscaled_file_path'  => $file,
			'download_token'      => $token,
			'download_expires_at' => gmdate( 'Y-m-d H:i:s', time() + 3600 * (int) get_option( 'smi_download_expiry_hours', 24 ) ),
			'completed_at'        => current_time( 'mysql' ),
		)
	);
	if ( $job->email ) {
		$sent = mail_link( $job, $token );
		change( $job, array( 'email_sent' => (int) $sent ) );
	}
}
