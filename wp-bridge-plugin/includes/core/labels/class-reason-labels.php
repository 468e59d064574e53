<?php
/**
 * The reasons of failures for an admin: what has happened, and what he can do. docs/failures.md has the same with more words.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core\Labels;

use SmiBridge\Core\Reasons;

defined( 'ABSPATH' ) || exit;

/**
 * Plain text, not escaped. A code that is not known here (a newer sidecar's) is shown as it is, readable.
 */
final class Reason_Labels {

	/** What has happened, in a few words. @param string|null $code A stable code. */
	public static function label( ?string $code ): string {
		return self::all()[ (string) $code ][0] ?? ucfirst( str_replace( '_', ' ', (string) $code ) );
	}

	/** What a person can do about a job that waits for him, or ''. @param string|null $code A stable code. */
	public static function advice( ?string $code ): string {
		return self::all()[ (string) $code ][1] ?? '';
	}

	/**
	 * Code => what has happened, what to do ('' : nothing).
	 *
	 * @return array[]
	 */
	public static function all(): array {
		$later  = __( 'Wait until it works again, then retry.', 'smi-bridge' );
		$look   = __( 'Compare both pictures; then retry or refund.', 'smi-bridge' );
		$row    = __( 'Fix the order in the shop, then retry; or refund.', 'smi-bridge' );
		return array(
			'source_unsupported'               => array( __( 'The photo’s format can’t be enlarged', 'smi-bridge' ), '' ),
			'source_gone'                      => array( __( 'Photo not found', 'smi-bridge' ), '' ),
			'source_refused'                   => array( __( 'The photo’s server does not let the sidecar in', 'smi-bridge' ), __( 'Let the sidecar (User-Agent smi-sidecar) pass in the firewall, CDN or security plugin, then retry; or refund.', 'smi-bridge' ) ),
			'source_not_an_image'              => array( __( 'The photo’s file is broken or no picture', 'smi-bridge' ), '' ),
			'source_too_large'                 => array( __( 'The photo is too large for Upsampler', 'smi-bridge' ), __( 'Put a smaller file in its place and retry, or refund.', 'smi-bridge' ) ),
			'source_unreachable_for_upsampler' => array( __( 'Upsampler can’t fetch the photo', 'smi-bridge' ), __( 'Is the sidecar’s public address (SMI_PUBLIC_URL) reachable from outside? Then retry.', 'smi-bridge' ) ),
			'source_url_invalid'               => array( __( 'The order names no address of a photo', 'smi-bridge' ), $row ),
			'source_outside_uploads'           => array( __( 'The photo lies outside the uploads folder', 'smi-bridge' ), $row ),
			'resolution_unsupported'           => array( __( 'The order’s size is not 2x to 16x', 'smi-bridge' ), $row ),
			'fetch_refused_address'            => array( __( 'An address leads into a private network', 'smi-bridge' ), __( 'If it is yours, list it in SMI_PRIVATE_HOSTS in the sidecar’s .env, then retry.', 'smi-bridge' ) ),
			'upsampler_unavailable'            => array( __( 'Upsampler can’t be reached', 'smi-bridge' ), $later ),
			'upsampler_rate_limited'           => array( __( 'Upsampler asks us to slow down', 'smi-bridge' ), __( 'Lower SMI_UPSAMPLER_CONCURRENCY in the sidecar’s .env, then retry.', 'smi-bridge' ) ),
			'upsampler_bad_answer'             => array( __( 'Upsampler’s answer can’t be read', 'smi-bridge' ), $later ),
			'upsampler_silent'                 => array( __( 'Upsampler has not finished in time', 'smi-bridge' ), __( 'Wait, a late result is still taken; or retry, or refund.', 'smi-bridge' ) ),
			'upsampler_failed_transient'       => array( __( 'Upsampler gave up, twice', 'smi-bridge' ), '' ),
			'upsampler_failed'                 => array( __( 'Upsampler gave up', 'smi-bridge' ), '' ),
			'upsampler_unknown_job'            => array( __( 'Upsampler has forgotten the job', 'smi-bridge' ), __( 'Retry, or refund.', 'smi-bridge' ) ),
			'upsampler_rejected'               => array( __( 'Upsampler refuses the order', 'smi-bridge' ), __( 'Read the reason; retry or refund.', 'smi-bridge' ) ),
			'upsampler_key_refused'            => array( __( 'Upsampler refuses the API key', 'smi-bridge' ), __( 'Fix UPSAMPLER_API_KEY in the sidecar’s .env and restart it.', 'smi-bridge' ) ),
			'upsampler_credits_exhausted'      => array( __( 'The Upsampler account is empty', 'smi-bridge' ), __( 'Buy credits.', 'smi-bridge' ) ),
			'upsampler_unreachable'            => array( __( 'The way to Upsampler is broken', 'smi-bridge' ), __( 'Look at the sidecar’s network.', 'smi-bridge' ) ),
			'submit_outcome_unknown'           => array( __( 'Nobody knows whether Upsampler took the order', 'smi-bridge' ), __( 'Look for the job in your Upsampler account. A retry is paid again; or refund.', 'smi-bridge' ) ),
			'result_truncated'                 => array( __( 'The result came incomplete', 'smi-bridge' ), $look ),
			'result_corrupt'                   => array( __( 'The result’s file is broken', 'smi-bridge' ), $look ),
			'result_cut'                       => array( __( 'The connection broke while the result came', 'smi-bridge' ), __( 'Retry, or refund.', 'smi-bridge' ) ),
			'result_not_an_image'              => array( __( 'The result is no picture', 'smi-bridge' ), __( 'Retry, or refund.', 'smi-bridge' ) ),
			'result_wrong_dimensions'          => array( __( 'The result has not the size that was bought', 'smi-bridge' ), $look ),
			'result_wrong_format'              => array( __( 'The result has a format that was not ordered', 'smi-bridge' ), $look ),
			'result_gone'                      => array( __( 'The result is no longer there', 'smi-bridge' ), __( 'Retry, or refund.', 'smi-bridge' ) ),
			'result_too_large'                 => array( __( 'The result’s file is larger than it can be', 'smi-bridge' ), __( 'Raise SMI_MAX_RESULT_MB in the sidecar’s .env if it should be, then retry; or refund.', 'smi-bridge' ) ),
			'result_implausible_size'          => array( __( 'The result’s file is too small for its pixels', 'smi-bridge' ), $look ),
			'result_blank'                     => array( __( 'The result is empty or of one colour', 'smi-bridge' ), $look ),
			'result_torn'                      => array( __( 'Parts of the result are missing', 'smi-bridge' ), $look ),
			'result_not_the_picture'           => array( __( 'The result does not resemble the photo', 'smi-bridge' ), $look ),
			'result_wrong_mode'                => array( __( 'The result has lost its colours or transparency', 'smi-bridge' ), $look ),
			'fetch_failed'                     => array( __( 'The result can’t be downloaded', 'smi-bridge' ), $later ),
			'fetch_slow'                       => array( __( 'The result comes too slowly', 'smi-bridge' ), $later ),
			'fetch_unavailable'                => array( __( 'The result’s server does not answer', 'smi-bridge' ), $later ),
			'upload_failed'                    => array( __( 'The finished file could not be brought here', 'smi-bridge' ), __( 'Look at the log of the shop’s web server, then retry.', 'smi-bridge' ) ),
			'uploads_full'                     => array( __( 'Unfinished uploads leave no room', 'smi-bridge' ), $later ),
			'shop_unreachable'                 => array( __( 'The sidecar can’t reach the shop to store a file', 'smi-bridge' ), __( 'Run the connection test in the settings.', 'smi-bridge' ) ),
			'conversion_failed'                => array( __( 'The result can’t be converted', 'smi-bridge' ), __( 'Retry; if it stays, have pictures delivered as Upsampler sends them (Settings).', 'smi-bridge' ) ),
			'disk_full'                        => array( __( 'The disk is full', 'smi-bridge' ), __( 'Make room.', 'smi-bridge' ) ),
			'folder_not_writable'              => array( __( 'The uploads folder can’t be written', 'smi-bridge' ), __( 'Fix its owner or mount.', 'smi-bridge' ) ),
			'path_outside'                     => array( __( 'A file would lie outside its folder', 'smi-bridge' ), __( 'Look for links in the uploads folder, then retry.', 'smi-bridge' ) ),
			'shop_refused_message'             => array( __( 'Bridge and sidecar do not understand each other', 'smi-bridge' ), __( 'Update both to the same version, then retry.', 'smi-bridge' ) ),
			'crash_loop'                       => array( __( 'The job has crashed its worker several times', 'smi-bridge' ), __( 'Read the sidecar’s log; retry or refund.', 'smi-bridge' ) ),
			'internal_error'                   => array( __( 'A fault in the sidecar', 'smi-bridge' ), __( 'Read the sidecar’s log and report it; then retry.', 'smi-bridge' ) ),
			// What people and the bridge itself decide.
			Reasons::REFUND_DUE                 => array( __( 'Refund due', 'smi-bridge' ), __( 'Refund once more, or give the money back at your payment provider and mark the job as refunded.', 'smi-bridge' ) ),
			Reasons::STOPPED                   => array( __( 'Stopped by a person', 'smi-bridge' ), __( 'Retry, or refund.', 'smi-bridge' ) ),
			Reasons::BY_PERSON                 => array( __( 'Refunded by a person', 'smi-bridge' ), '' ),
			'refunded_by_provider'             => array( __( 'Refunded at the payment provider', 'smi-bridge' ), '' ),
			'failed_by_hand'                   => array( __( 'Given up by a person or by other code', 'smi-bridge' ), __( 'Retry, or refund.', 'smi-bridge' ) ),
			'held_by_admin'                    => array( __( 'Held by an admin', 'smi-bridge' ), __( 'Lift the hold when you are ready.', 'smi-bridge' ) ),
		);
	}
}
