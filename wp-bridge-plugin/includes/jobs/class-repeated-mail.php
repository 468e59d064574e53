<?php
/**
 * The mail about an ending, once more.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Jobs;

use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Each call mails. A first mail that failed, or of which nobody knows, is settled by this one.
 */
final class Repeated_Mail {

	/**
	 * Sends it now, and writes down what came of it.
	 *
	 * @param array $row Ledger row of an attempt that has ended.
	 * @return string See Customer_Mail::send().
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function send( array $row ): string {
		$effect  = (string) Customer_Mail::effect_of( $row['state'] );
		$attempt = (int) $row['attempt'];
		$is_ours = Effects::claim( $row['job_id'], $attempt, $effect ) || Effects::reclaim( $row['job_id'], $attempt, $effect, true );
		$sent    = Customer_Mail::send( $row, $effect );
		if ( $is_ours ) {
			Customer_Mail::record( $row, $effect, $sent );
		} else {
			History::record( $row['job_id'], $attempt, 'resent', array( 'outcome' => $sent, 'user' => get_current_user_id() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		History::write();
		if ( 'sent' === $sent && 'delivered' === $row['state'] ) {
			Shop::write_mailed( $row['job_id'], true );
		}
		return $sent;
	}
}
