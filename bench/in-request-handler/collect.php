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
		change(
			$job->job_id,
			array(
				'status'       => 'completed',
				'completed_at' => current_time( 'mysql' ),
				'credits_used' => (int) round( $data['creditCost'] ?? 0 ),
			)
		);
		collect( $job, (string) $data['imageUrl'] );
		note( 'completed', $job->job_id );
	}
	header( 'Content-Type: application/json' );
	echo $job ? '{"success":true}' : '{"success":false}';
	exit;
}

/**
 * Fetches the result into the uploads folder, looks at its first bytes, makes a token, writes the row, mails.
 *
 * @param object $job The row.
 * @param string $url Where the webhook says that the result lies.
 */
function collect( object $job, string $url ): void {
	$job_id = $job->job_id;
	$folder = wp_upload_dir()['basedir'] . '/sell-my-images';
	wp_mkdir_p( $folder );
	$temp   = $folder . '/' . $job_id . '.tmp';
	$answer = wp_remote_get(
		$url,
		array(
			'timeout'  => 300,
			'stream'   => true,
			'filename' => $temp,
		)
	);
	$kind   = 200 === wp_remote_retrieve_response_code( $answer ) ? getimagesize( $temp ) : false;
	if ( ! $kind ) {
		change( $job_id, array( 'status' => 'failed' ) );
		return;
	}
	$checked = $temp;
	if ( get_option( 'in_request_equal_work' ) ) {
		require_once __DIR__ . '/equal-work.php';
		$checked = checked_and_converted( $job, $temp );
		if ( ! $checked ) {
			change( $job_id, array( 'status' => 'failed' ) );
			return;
		}
		$kind = getimagesize( $checked );
	}
	$file = $folder . '/' . $job_id . image_type_to_extension( $kind[2] );
	rename( $checked, $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions
	change(
		$job_id,
		array(
			'upscaled_file_path'  => $file,
			'download_token'      => bin2hex( random_bytes( 32 ) ),
			'download_expires_at' => gmdate( 'Y-m-d H:i:s', time() + 3600 * (int) get_option( 'smi_download_expiry_hours', 24 ) ),
		)
	);
	$stored = job_by( 'job_id', $job_id );
	if ( $stored && $stored->download_token ) {
		change( $job_id, array( 'email_sent' => (int) mail_link( $job_id ) ) );
	}
}
