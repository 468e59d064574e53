<?php
/**
 * A mail to a customer, at most once: the claim inside the transaction, the mail after it, the outcome at last.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;

defined( 'ABSPATH' ) || exit;

/**
 * Binds Mail to Effects.
 */
final class Customer_Mail {

	/** The effect of the mail about an ending, or null: there is nothing to tell the customer yet. @param string $state A state. */
	public static function effect_of( string $state ): ?string {
		return in_array( $state, array( 'delivered', 'refunded', 'review' ), true ) ? 'mail:' . $state : null;
	}

	/**
	 * Claims a mail; the effect that is returned sends it and tells the outcome's data `mail`.
	 *
	 * @param array    $row    Ledger row as it will be when the mail is written.
	 * @param string   $effect E.g. `mail:delivered`; what follows the first colon is the kind.
	 * @param array    $extra  Further facts.
	 * @param callable $then   Optional: gets the answer of Mail::send(), runs with the last writes.
	 * @return callable An effect (see Outcome).
	 */
	public static function once( array $row, string $effect, array $extra = array(), ?callable $then = null ): callable {
		$attempt = (int) $row['attempt'];
		if ( ! Effects::claim( $row['job_id'], $attempt, $effect ) ) {
			return static function ( Outcome $outcome ) {
				$outcome->data['mail'] = 'already';
			};
		}
		return static function ( Outcome $outcome ) use ( $row, $effect, $extra, $then ) {
			$outcome->data['mail'] = self::send( $row, $effect, $extra );
			$sent                  = $outcome->data['mail'];
			return static function () use ( $row, $effect, $sent, $then ) {
				self::record( $row, $effect, $sent );
				if ( $then ) {
					$then( $sent );
				}
			};
		};
	}

	/**
	 * Sends a claimed mail now.
	 *
	 * @param array  $row    Ledger row.
	 * @param string $effect As claimed.
	 * @param array  $extra  Further facts.
	 * @return string sent, no_address, failed or disabled.
	 */
	public static function send( array $row, string $effect, array $extra = array() ): string {
		try {
			return Mail::send( explode( ':', $effect )[1], Mail_Facts::for_mail( $row, $extra ) );
		} catch ( \Throwable $error ) {
			// A fault in somebody's template or mailer; what is known is that it did not say "accepted".
			Log::write( 'mail_broke', $error->getMessage(), array( 'job_id' => $row['job_id'], 'effect' => $effect ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			return 'failed';
		}
	}

	/**
	 * Writes down how it ended.
	 *
	 * @param array  $row    Ledger row.
	 * @param string $effect As claimed.
	 * @param string $sent   Answer of send().
	 */
	public static function record( array $row, string $effect, string $sent ): void {
		$detail = 'failed' === $sent ? (string) Mail::$last_error : '';
		Effects::done( $row['job_id'], (int) $row['attempt'], $effect, $sent, preg_replace( '/\S+@\S+/', '…', $detail ) );
		History::record( $row['job_id'], (int) $row['attempt'], $effect, array( 'outcome' => $sent ) );
	}
}
