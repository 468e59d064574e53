<?php
/**
 * The submit to Upsampler, inside the payment request: the customer waits as long as Upsampler takes to answer.
 *
 * @package InRequestHandler
 */

namespace InRequestHandler;

defined( 'ABSPATH' ) || exit;

/**
 * `smi_payment_completed`: asks Upsampler, and writes down its id.
 *
 * @param string $job_id The job.
 */
function submit( $job_id ): void {
	$job = job_by( 'job_id', (string) $job_id );
	if ( ! $job || 'paid' !== $job->payment_status || 'pending' !== $job->status ) {
		return;
	}
	$picture = picture_of( $job );
	$answer  = wp_remote_post(
		UPSAMPLER_URL . '/precise-upscale',
		array(
			'timeout' => 60,
			'headers' => array(
				'Authorization' => 'Bearer ' . UPSAMPLER_KEY,
				'Content-Type'  => 'application/json',
			),
			'body'    => wp_json_encode(
				array(
					'webhook' => home_url( '/smi-webhook/upsampler/' ),
					'input'   => array(
						'imageUrl'           => $picture,
						'inputImageType'     => 'universal',
						'upscaleFactor'      => (int) $job->resolution,
						'shouldEnhanceFaces' => false,
						'shouldPreserveBlur' => false,
					),
				)
			),
		)
	);
	$order   = json_decode( wp_remote_retrieve_body( $answer ), true );
	if ( 200 !== wp_remote_retrieve_response_code( $answer ) || empty( $order['id'] ) ) {
		change( $job->job_id, array( 'status' => 'failed' ) );
		return;
	}
	change(
		$job->job_id,
		array(
			'status'                => 'processing',
			'upsampler_job_id'      => $order['id'],
			'processing_started_at' => current_time( 'mysql' ),
		)
	);
	note( 'submitted', $job->job_id );
}

/**
 * The picture's address: the attachment's where it still has one, else what was bought.
 *
 * @param object $job The row.
 */
function picture_of( object $job ): string {
	$facts   = empty( $job->attachment_id ) ? false : wp_get_attachment_metadata( (int) $job->attachment_id );
	$address = $facts ? wp_get_attachment_url( (int) $job->attachment_id ) : false;
	return $address ? $address : $job->image_url;
}
