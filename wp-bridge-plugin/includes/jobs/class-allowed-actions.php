<?php
/**
 * What may be done with a job in which state, and how each action is named. Page, list, REST, WP-CLI and abilities read it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Core\Reasons;
use SmiBridge\Core\Schemas;
use SmiBridge\Ledger\Ledger;

defined( 'ABSPATH' ) || exit;

/**
 * A list for people, by the row as it was read. It allows nothing: Actions checks again with the row locked.
 */
final class Allowed_Actions {

	/** All actions that there are: name => as in schemas/actions.json. @return array[] */
	public static function all(): array {
		return Schemas::get( 'actions' )['actions'];
	}

	/** Action => label of a button. @return string[] */
	public static function labels(): array {
		return self::words( 'label' );
	}

	/** Action that can't be taken back => what is asked before it. @return string[] */
	public static function questions(): array {
		return self::words( 'question' );
	}

	/** What is asked before an action, or ''. @param string $action Action. */
	public static function question( string $action ): string {
		return self::questions()[ $action ] ?? '';
	}

	/**
	 * The action as a link does it: a refund of what the customer has got is asked about in other words, and answers that question.
	 *
	 * @param string $action Action of possible().
	 * @param array  $row    Ledger row, with `downloaded` (bool) where an earlier attempt's file counts, too.
	 */
	public static function of_row( string $action, array $row ): string {
		return 'refund' === $action && ( $row['downloaded'] ?? null !== $row['downloaded_at'] ) ? 'refund_downloaded' : $action;
	}

	/**
	 * Actions that make sense for a row, the likeliest first. Actions has the last word.
	 *
	 * @param array $row Ledger row.
	 * @return string[]
	 */
	public static function possible( array $row ): array {
		switch ( $row['state'] ) {
			case 'delivered':
				return null === $row['revoked_at'] ? array( 'resend', 'renew', 'retry', 'refund' ) : array( 'renew', 'retry', 'refund' );
			case 'refunded':
				return array( 'retry', 'resend' );
			case 'review':
				return Reasons::REFUND_DUE === $row['reason'] ? array( 'refund', 'mark_refunded', 'retry', 'resend' ) : array( 'retry', 'refund', 'resend' );
			case 'refunding':
				return array();
			default:
				return Ledger::is_busy( $row ) ? array( 'cancel', 'refund' ) : array( 'retry', 'cancel', 'refund' );
		}
	}

	/** Action => words, of those that have them. @param string $field Of schemas/actions.json. @return string[] */
	private static function words( string $field ): array {
		$words = array();
		foreach ( self::all() as $action => $about ) {
			if ( isset( $about[ $field ] ) ) {
				$words[ $action ] = Schemas::translated( $about[ $field ] );
			}
		}
		return $words;
	}
}
