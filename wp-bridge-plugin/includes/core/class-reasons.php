<?php
/**
 * Reasons of an ending that people and the bridge decide. The reasons of failures come from the sidecar (docs/failures.md).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Stable words: stored in ledger, history and the shop’s row, so none is ever renamed. What they are called for people stands in
 * Job_Labels.
 */
final class Reasons {

	/** A person stopped the job. It waits in review, and nothing goes on by itself. */
	const STOPPED = 'stopped';

	/** The refund failed, or its outcome is unknown. The customer still waits for the money. */
	const REFUND_DUE = 'refund_due';

	/** A person refunded the job. */
	const BY_PERSON = 'refunded_by_person';

	/** Somebody refunded the payment at the payment provider. */
	const BY_PROVIDER = 'refunded_by_provider';

	/** Whether a reason keeps a stage on hold. @param string|null $code A stable code. */
	public static function holds( ?string $code ): bool {
		return ! empty( Schemas::get( 'reasons' )['reasons'][ (string) $code ]['hold'] );
	}
}
