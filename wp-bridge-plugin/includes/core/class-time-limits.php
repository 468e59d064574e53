<?php
/**
 * Every time limit of the bridge, in seconds. The sidecar’s stand in sidecar/workflow/time_limits.py.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Constants only. A filter may change some of them; it is named where the limit is used.
 */
final class Time_Limits {

	/** A claimed effect without an end counts as unknown. */
	const EFFECT_UNKNOWN = 300;

	/** An attempt without any event in that time is past due, and an admin sees it. */
	const PAST_DUE = 900;

	/** A failure that ends by itself is shown to the customer after that time. The sidecar's DELAYED_AFTER_S is the same. */
	const DELAYED = 120;

	/** A state that nothing has moved on is shown to the customer as delayed after that time. The sidecar's SILENT_AFTER_S is the same. */
	const SILENT = 1800;

	/** A customer is mailed that it takes longer, counted from the payment. */
	const DELAYED_MAIL = 1800;

	/** An attempt may be started again by a person although it is not settled. */
	const ATTEMPT_STALE = 1800;

	/** An upload without a further chunk is given up after that time. */
	const UPLOAD = 86400;

	/** A thumbnail of a refused result is kept for that time. The sidecar's REFUSED_LIFE_S is the same. */
	const REFUSED = 7776000;

	/** What a delivery's mails may take before the rest is left to the next delivery. The sidecar waits for 60 s. */
	const MAILS_OF_A_DELIVERY = 20;

	/** What a mail server may take for each answer; PHPMailer itself would wait for 300 s. */
	const MAIL_SERVER = 15;

	/** A CDN that has delivered within that time gets the downloads; it is looked at every minute. The sidecar's own is CDN_ALIVE_S. */
	const CDN_SEEN = 150;

	/** Time between two digests about reviews. A hold is mailed at once. */
	const DIGEST = 900;

	/** A fault of the connection may last that long before an admin is told. */
	const CONNECTION_FAULT = 120;
}
