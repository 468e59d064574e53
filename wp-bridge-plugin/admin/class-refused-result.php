<?php
/**
 * The small picture of a result that the sidecar refused, beside the picture that was bought: for whoever decides.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Job_Id;
use SmiBridge\Files\Stored_Files;

defined( 'ABSPATH' ) || exit;

/**
 * Reads `uploads/smi-downloads/.refused/<job>.<attempt>.jpg`, which the sidecar writes, and shows it inside the page:
 * the folder itself is closed to browsers.
 */
final class Refused_Result {

	private const MAX_BYTES = 200000;

	/**
	 * Both pictures side by side, or nothing when no result was refused for its looks.
	 *
	 * @param string $job_id     The shop's id.
	 * @param int    $attempt    Attempt.
	 * @param int    $attachment The bought picture in the media library, 0: none.
	 */
	public static function show( string $job_id, int $attempt, int $attachment ): void {
		$picture = self::read( $job_id, $attempt );
		if ( '' === $picture ) {
			return;
		}
		echo '<div class="smib-compare">';
		if ( $attachment ) {
			echo '<figure>' . wp_get_attachment_image( $attachment, 'medium', false, array( 'alt' => '' ) ) . '<figcaption>' . esc_html__( 'Original', 'smi-bridge' ) . '</figcaption></figure>';
		}
		// esc_attr and not esc_url: data: is no protocol that esc_url lets pass; the bytes are base64 of a JPEG.
		echo '<figure><img src="' . esc_attr( 'data:image/jpeg;base64,' . base64_encode( $picture ) ) . '" alt=""><figcaption>' . esc_html__( 'Enlarged', 'smi-bridge' ) . '</figcaption></figure></div>'; // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
	}

	/**
	 * The JPEG's bytes, '' when there is none.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt Attempt.
	 */
	private static function read( string $job_id, int $attempt ): string {
		if ( ! Job_Id::matches( $job_id ) ) {
			return '';
		}
		$file = Stored_Files::refused_path( $job_id, $attempt );
		if ( ! is_readable( $file ) || filesize( $file ) > self::MAX_BYTES ) {
			return '';
		}
		$bytes = (string) file_get_contents( $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- a local file.
		return 0 === strpos( $bytes, "\xFF\xD8\xFF" ) ? $bytes : '';
	}
}
