<?php
/**
 * The customer's mail.
 *
 * @package InRequestHandler
 */

namespace InRequestHandler;

defined( 'ABSPATH' ) || exit;

/**
 * Hands an HTML mail with the download link to `wp_mail`.
 *
 * @param string $job_id The job.
 * @return bool Whether it was taken.
 */
function mail_link( string $job_id ): bool {
	$job   = job_by( 'job_id', $job_id );
	$link  = rest_url( 'in-request/v1/download/' . $job->download_token );
	$shop  = get_bloginfo( 'name' );
	$admin = get_option( 'admin_email' );
	$until = gmdate( 'j M Y, H:i', (int) strtotime( $job->download_expires_at ) );
	$body  = '<!DOCTYPE html><html><body style="font-family:sans-serif">'
		. '<h1>' . esc_html__( 'Your enlarged picture is ready', 'in-request-handler' ) . '</h1>'
		. '<p>' . esc_html( sprintf( '%s, %d x %d', $job->resolution, $job->image_width * (int) $job->resolution, $job->image_height * (int) $job->resolution ) ) . '</p>'
		. '<p><a style="background:#0073aa;color:#fff;padding:12px 24px" href="' . esc_url( $link ) . '">' . esc_html__( 'Download', 'in-request-handler' ) . '</a></p>'
		. '<p>' . esc_html( sprintf( 'The link works until %s (UTC).', $until ) ) . '</p><p>' . esc_html( $shop ) . '</p></body></html>';

	$subject = "[$shop] Your enlarged picture is ready";
	$headers = array( "From: $shop <$admin>", "Reply-To: $admin", 'Content-Type: text/html; charset=UTF-8' );
	$sent    = is_email( $job->email ) && wp_mail( $job->email, $subject, $body, $headers );
	note( $sent ? 'mailed' : 'not mailed', $job_id );
	return $sent;
}
