<?php
/**
 * The suggested text for the site's privacy policy.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

defined( 'ABSPATH' ) || exit;

/**
 * Says what is kept, where it goes, how long.
 */
final class Privacy_Text {

	/** Offers the text under Settings → Privacy. */
	public static function add(): void {
		if ( ! function_exists( 'wp_add_privacy_policy_content' ) ) {
			return;
		}
		$paragraphs = array(
			__( 'When you buy an enlarged picture, we note your order, its progress, the mails that we sent about it, its delivery and, where it applies, its refund. Your e-mail address stays with the shop’s order; our enlargement system does not get it.', 'smi-bridge' ),
			__( 'To enlarge a picture, it is handed to Upsampler (upsampler.com), together with the size that you ordered. Nothing else about you is handed over. If you uploaded the picture yourself, it is that picture that is handed over.', 'smi-bridge' ),
			__( 'The finished picture is kept until its download link ends, and is deleted some time after that. The record of the order is kept as long as the law asks for records of sales.', 'smi-bridge' ),
			__( 'While you wait, your browser remembers the order’s number in its own storage, so that you find your picture again. No cookie is set for it.', 'smi-bridge' ),
		);
		wp_add_privacy_policy_content( __( 'SMI Bridge', 'smi-bridge' ), '<p class="privacy-policy-tutorial">' . esc_html__( 'This text describes what the bridge and its sidecar do with personal data. Add what your payment provider does.', 'smi-bridge' ) . '</p><p>' . implode( '</p><p>', array_map( 'esc_html', $paragraphs ) ) . '</p>' );
	}
}
