<?php
/**
 * Buying: a picture and a factor become a paid row, and the payment's action fires.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

use InvalidArgumentException;

defined( 'ABSPATH' ) || exit;

/**
 * The source columns of a job for a picture of the media library.
 *
 * @throws InvalidArgumentException When there is no such picture.
 */
function picture_of_attachment( int $attachment_id ): array {
	$original = wp_get_attachment_metadata( $attachment_id );
	if ( ! $original || ! wp_attachment_is_image( $attachment_id ) ) {
		throw new InvalidArgumentException( "There is no picture $attachment_id." );
	}
	return array(
		'image_url'     => wp_get_attachment_url( $attachment_id ),
		'post_id'       => (int) get_option( 'smi_demo_shop_page' ),
		'attachment_id' => $attachment_id,
		'image_width'   => (int) $original['width'],
		'image_height'  => (int) $original['height'],
		'source_type'   => 'attachment',
	);
}

/**
 * The source columns of a job for an uploaded picture: `image_url` holds its local path, as in the real shop.
 *
 * @throws InvalidArgumentException When the file is no picture.
 */
function picture_of_upload( string $path ): array {
	$size = wp_getimagesize( $path );
	if ( ! $size ) {
		throw new InvalidArgumentException( "$path is no picture." );
	}
	return array(
		'image_url'        => $path,
		'post_id'          => (int) get_option( 'smi_demo_shop_page' ),
		'attachment_id'    => null,
		'image_width'      => $size[0],
		'image_height'     => $size[1],
		'source_type'      => 'upload',
		'upload_file_path' => $path,
	);
}

/**
 * A paid row, without telling anybody.
 *
 * @param array  $picture    As `picture_of_…` returns it.
 * @param string $resolution One of RESOLUTIONS.
 * @param string $email      May be empty.
 * @return string The job's id.
 * @throws InvalidArgumentException For another resolution.
 */
function insert_paid_job( array $picture, string $resolution, string $email ): string {
	global $wpdb;
	if ( ! in_array( $resolution, RESOLUTIONS, true ) ) {
		throw new InvalidArgumentException( "There is no enlargement of $resolution." );
	}
	$quote  = quote( $picture['image_width'], $picture['image_height'], $resolution );
	$job_id = wp_generate_uuid4();
	$wpdb->insert(
		jobs_table(),
		$picture + array(
			'job_id'                     => $job_id,
			'resolution'                 => $resolution,
			'email'                      => $email,
			'status'                     => 'pending',
			'payment_status'             => 'paid',
			'amount_charged'             => $quote['price'],
			'amount_cost'                => $quote['cost'],
			'stripe_payment_intent_id'   => 'pi_demo_' . bin2hex( random_bytes( 12 ) ),
			'stripe_checkout_session_id' => 'cs_demo_' . bin2hex( random_bytes( 12 ) ),
			'paid_at'                    => current_time( 'mysql' ),
			'created_at'                 => current_time( 'mysql' ),
			'updated_at'                 => current_time( 'mysql' ),
		)
	);
	return $job_id;
}

/**
 * Buy: the row, then the action that every plugin behind the shop waits for.
 *
 * @throws InvalidArgumentException For another resolution.
 */
function buy( array $picture, string $resolution, string $email ): string {
	$job_id = insert_paid_job( $picture, $resolution, $email );
	do_action( 'smi_payment_completed', $job_id );
	return $job_id;
}

/** The page's form. The customer comes back as from a payment provider: with a redirect that names session and job. */
function buy_from_form(): void {
	if ( ! isset( $_POST['smi_demo_buy'] ) || ! get_option( 'smi_enabled', '1' ) ) {
		return;
	}
	$page = get_permalink( (int) get_option( 'smi_demo_shop_page' ) );
	if ( ! wp_verify_nonce( sanitize_key( $_POST['smi_demo_nonce'] ?? '' ), 'smi_demo_buy' ) ) {
		wp_die( esc_html__( 'This form has expired. Go back, reload the page, and try again.', 'smi-demo-shop' ), '', array( 'response' => 403 ) );
	}
	$email = sanitize_email( wp_unslash( $_POST['email'] ?? '' ) );
	try {
		$job_id = buy( picture_of_attachment( absint( $_POST['attachment'] ?? 0 ) ), sanitize_key( $_POST['resolution'] ?? '' ), $email );
	} catch ( InvalidArgumentException $error ) {
		wp_die( esc_html( $error->getMessage() ), '', array( 'response' => 400 ) );
	}
	$job = find_job( 'job_id', $job_id );
	wp_safe_redirect(
		add_query_arg(
			array(
				'smi_payment' => 'success',
				'session_id'  => $job->stripe_checkout_session_id,
				'job_id'      => $job_id,
			),
			$page
		),
		303
	);
	exit;
}
