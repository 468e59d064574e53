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
 * @param object $job   The row.
 * @param string $token The download token.
 */
function mail_link( object $job, string $token ): bool {
	$link  = rest_url( 'in-request/v1/download/' . $token );
	$shop  = get_bloginfo( 'name' );
	$hours = (int) get_option( 'smi_download_expiry_hours', 24 );
	$body  = '<!DOCTYPE html><html><body style="font-family:sans-serif">'
		. '<h1>' . esc_html__( 'Your enlarged picture is ready', 'in-request-handler' ) . '</h1>'
		. '<p>' . esc_html( sprintf( '%s, %d x %d', $job->resolution, $job->image_width * (int) $job->resolution, $job->image_height * (int) $job->resolution ) ) . '</p>'
		. '<p><a style="background:#0073aa;color:#fff;padding:12px 24px" href="' . esc_url( $link ) . '">' . esc_html__( 'Download', 'in-request-handler' ) . '</a></p>'
		. '<p>' . esc_html( sprintf( 'The link works for %d hours.', $hours ) ) . '</p><p>' . esc_html( $shop ) . '</p></body></html>';
	return wp_mail( $job->email, "[$shop] Your enlarged picture is ready", $body, array( 'Content-Type: text/html; charset=UTF-8' ) );
}
