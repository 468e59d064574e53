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

	/** Tables that the database has refused are tried again after that time. */
	const TABLES_AGAIN = 300;

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

	/** A test picture without an end is given up after that time. */
	const TEST_PICTURE = 900;

	/** Paid jobs from before the bridge was installed are taken over if they are younger than this: those in flight, not the dead. */
	const TAKE_OVER = 86400;

	/** Paid jobs without a ledger row are looked for among those of the last days. */
	const LOOK_BACK = 2592000;

	/** A run of scheduled mails may be late by that time before a visit of the sidecar makes up for it. */
	const MAILS_LATE = 300;

	/** What a request has seen may not yet be in the database for that time: no transaction of ours takes longer. */
	const DIGEST_OVERLAP = 600;

	/** A kept answer is forgotten after that time. The sidecar's ANSWER_KEPT_S is the same. */
	const ANSWER = 86400;

	/** A message waits so long for a sidecar that does not come, then it ends as failed. Payments and ends are found by its pull, erasures are repeated daily. */
	const MAILBOX = 259200;

	/** A link that could not be renewed is shown to an admin for that time. */
	const NOT_RENEWED = 604800;

	/** Ends by a refund or a stop are told for so long: the sidecar forgets a settled job after a day, and asks when it needs it again. */
	const ENDS_TOLD = 90000;

	/** A checkout that was opened may end in a payment soon for that time. */
	const CHECKOUT = 1200;

	/** A sidecar is asked again after that time, and one that comes by itself is missed. The sidecar's SEEN_S is the same. */
	const SIDECAR_SEEN = 60;

	/** A message may be that far from our clock. The sidecar's TOLERANCE_S is the same. */
	const SIGNATURE = 300;

	/** A status token opens for that time. */
	const STATUS_TOKEN = 2592000;

	/** The name of a sidecar is remembered for that time: it comes every minute. */
	const SIDECAR_NAME = 600;

	/** Time between two polls of a status page at least: each costs a request of PHP, unlike those at the sidecar. */
	const POLL = 4;
}
