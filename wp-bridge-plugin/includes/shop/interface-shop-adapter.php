<?php
/**
 * What the bridge needs to know of a shop, and nothing more.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * One shop. Each method can also be answered by a filter `smi_bridge_<method>` with the same arguments (see Shop).
 *
 * A job is an array: `job_id`, `paid` (bool), `status` (the shop's word), `email` ('' if none), `factor` (int, 0: unreadable),
 * `source` ({type: attachment or upload, url or null, path relative to the uploads folder or null}), `width`, `height` (of the
 * source, or null), `amount` (float or null), `payment_id` ('' if none), `paid_at` (Unix seconds), `upsampler_id` ('' if none),
 * `payment_session` ('' if none: the secret that the payment provider writes as `session_id` into the address to which the payer
 * comes back; who brings it gets the link).
 */
interface Shop_Adapter {

	/** The shop's name for people, or null when it is not on this site. */
	public function shop_name(): ?string;

	/**
	 * Jobs by id.
	 *
	 * @param string[] $job_ids At most some thousands.
	 * @return array[] Job id => job; unknown ones are absent.
	 */
	public function read_jobs( array $job_ids ): array;

	/**
	 * Ids of paid jobs that the shop calls neither completed nor failed, in a steady order.
	 *
	 * @param int $since  Unix seconds: only jobs paid since then.
	 * @param int $limit  At most so many; fewer mean that there are no more.
	 * @param int $offset How many were told before.
	 * @return string[]
	 */
	public function paid_jobs( int $since, int $limit, int $offset ): array;

	/**
	 * Whether somebody who has not paid yet began to pay since then: a payment may come soon.
	 *
	 * @param int $since Unix seconds.
	 */
	public function has_open_checkout( int $since ): bool;

	/**
	 * What was bought, in the shop's words, e.g. the picture's title; null if it has none.
	 *
	 * @param array $job A job.
	 */
	public function title( array $job ): ?string;

	/**
	 * Writes where the job stands.
	 *
	 * @param string $job_id The shop's id.
	 * @param string $status pending, processing or failed.
	 * @param array  $facts  May hold `upsampler_id`, `credits`, `started` (true: processing begins now), `restarted` (true: a rerun begins).
	 * @return array|null `{old, new}` when the status changed by this call.
	 */
	public function write_progress( string $job_id, string $status, array $facts ): ?array;

	/**
	 * Writes the delivery; the shop's own download route then works.
	 *
	 * @param string $job_id The shop's id.
	 * @param array  $facts  `file` (absolute), `shop_token` (64 hex digits), `expires_at` (Unix seconds), `credits`, `upsampler_id`, `width`, `height`, `bytes`.
	 * @return array|null `{old, new}` when the status changed by this call.
	 */
	public function write_delivery( string $job_id, array $facts ): ?array;

	/**
	 * Writes whether the customer has been mailed.
	 *
	 * @param string $job_id The shop's id.
	 * @param bool   $sent   Whether the mailer accepted the mail.
	 * @return mixed Nothing that is used.
	 */
	public function write_mailed( string $job_id, bool $sent );

	/**
	 * Revokes the shop's own download link of a delivered job.
	 *
	 * @param string $job_id The shop's id.
	 * @return mixed Nothing that is used.
	 */
	public function write_revoked( string $job_id );

	/**
	 * Writes a refund, and revokes the shop's own download link.
	 *
	 * @param string $job_id The shop's id.
	 * @param array  $facts  `amount` (float or null), `reason`.
	 * @return array|null `{old, new}` when the status changed by this call.
	 */
	public function write_refund( string $job_id, array $facts ): ?array;

	/**
	 * Ids of a customer's jobs, paid or not, oldest first.
	 *
	 * @param string $email E-mail address, exactly.
	 * @return string[] At most 10,000.
	 */
	public function jobs_of( string $email ): array;

	/**
	 * Forgets who bought: the e-mail address and what the customer uploaded. The record of the sale stays.
	 *
	 * @param string $job_id The shop's id.
	 * @return mixed Nothing that is used.
	 */
	public function write_erased( string $job_id );

	/**
	 * Gives the customer's money back. May take seconds; is called once for each payment.
	 *
	 * @param array  $job    A job.
	 * @param string $reason For the payment provider's records.
	 * @return array|\WP_Error `{amount: float or null}`, or why not.
	 */
	public function refund( array $job, string $reason );

	/**
	 * The address of the shop's own download route, or null.
	 *
	 * @param string $job_id     The shop's id.
	 * @param string $shop_token As given to write_delivery().
	 */
	public function download_url( string $job_id, string $shop_token ): ?string;
}
