<?php
/**
 * A mail to a customer, at most once: claimed in the database, sent, and its outcome written at last.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Shop\Shop;
use SmiBridge\Shop\Source_Place;

defined( 'ABSPATH' ) || exit;

/**
 * Binds Mail to Effects: makes callables for an outcome's effects and mails, so that a repeated message never mails twice. What the mail
 * says is the care of Mail_Words; the facts come from ledger and shop.
 */
final class Customer_Mail {

	/** The effect of the mail about an ending, or null: there is nothing to tell the customer yet. @param string $state A state. */
	public static function effect_of( string $state ): ?string {
		return in_array( $state, array( 'delivered', 'refunded', 'review' ), true ) ? 'mail:' . $state : null;
	}

	/**
	 * Reads the pictures that were bought, as WordPress' posts, in two statements: a mail tells the title of one, and shows it.
	 *
	 * @param string[] $job_ids Ids.
	 */
	public static function read_pictures( array $job_ids ): void {
		$posts = array_filter( array_map( 'intval', array_column( Shop::jobs( $job_ids ), 'attachment_id' ) ) );
		if ( count( $posts ) > 1 ) {
			_prime_post_caches( array_unique( $posts ), false );
		}
	}

	/**
	 * A mail that is claimed when it is sent: for messages whose repeat leads here again, so that a mail that was not begun is not lost.
	 * It tells the outcome's data `mail`.
	 *
	 * @param array  $row    Ledger row as it will be when the mail is written.
	 * @param string $effect E.g. `mail:delivered`; what follows the first colon is the kind.
	 * @param array  $extra  Further facts.
	 * @return callable For an outcome's mails.
	 */
	public static function once( array $row, string $effect, array $extra = array() ): callable {
		return static function ( Outcome $outcome ) use ( $row, $effect, $extra ) {
			if ( ! Effects::claim( $row['job_id'], (int) $row['attempt'], $effect ) ) {
				$outcome->data['mail'] = 'already';
				return null;
			}
			return self::sending( $row, $effect, $extra )( $outcome );
		};
	}

	/**
	 * A mail that is claimed now: for what nobody comes back to. If we die before it is sent, a person is told.
	 *
	 * @param array  $row    See once().
	 * @param string $effect See once().
	 * @param array  $extra  See once().
	 * @return callable|null For an outcome's effects; null: it was claimed before.
	 */
	public static function promised( array $row, string $effect, array $extra = array() ): ?callable {
		return Effects::claim( $row['job_id'], (int) $row['attempt'], $effect ) ? self::sending( $row, $effect, $extra ) : null;
	}

	/** A mail whose fate is no part of the message's result. @param callable $mail See once(). */
	public static function aside( callable $mail ): callable {
		return static function () use ( $mail ) {
			return $mail( Outcome::done() );
		};
	}

	/**
	 * Sends a claimed mail.
	 *
	 * @param array  $row    See once().
	 * @param string $effect See once().
	 * @param array  $extra  See once().
	 */
	private static function sending( array $row, string $effect, array $extra ): callable {
		return static function ( Outcome $outcome ) use ( $row, $effect, $extra ) {
			$outcome->data['mail'] = 'unknown'; // Should the mailer end the request.
			$sent                  = self::send( $row, $effect, $extra );
			$outcome->data['mail'] = $sent;
			return static function () use ( $row, $effect, $sent ) {
				self::record( $row, $effect, $sent );
			};
		};
	}

	/** Sends a mail now, outside of the door. @param callable $mail See once(). */
	public static function now( callable $mail ): void {
		$write = $mail( Outcome::done() );
		if ( is_callable( $write ) ) {
			$write();
		}
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
			return Mail::send( explode( ':', $effect )[1], self::facts( $row, $extra ) );
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
	private static function record( array $row, string $effect, string $sent ): void {
		$detail = 'failed' === $sent ? (string) Mail::$last_error : '';
		Effects::done( $row['job_id'], (int) $row['attempt'], $effect, $sent, preg_replace( '/\S+@\S+/', '…', $detail ) );
		History::record( $row['job_id'], (int) $row['attempt'], $effect, array( 'outcome' => $sent ) );
		self::mark( $row, $effect, $sent );
	}

	/** The shop's row says that the customer has the link. @param array $row Ledger row. @param string $effect Effect. @param string $sent Answer of send(). */
	private static function mark( array $row, string $effect, string $sent ): void {
		if ( 'sent' === $sent && 'mail:delivered' === $effect ) {
			Shop::write_mailed( $row['job_id'], true );
		}
	}

	/**
	 * Sends the mail about an ending once more: each call mails. A first mail that failed, or of which nobody knows, is settled by this one.
	 *
	 * @param array $row Ledger row of an attempt that has ended.
	 * @return string See send().
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function again( array $row ): string {
		$effect  = (string) self::effect_of( $row['state'] );
		$attempt = (int) $row['attempt'];
		$is_ours = Effects::claim( $row['job_id'], $attempt, $effect ) || Effects::reclaim( $row['job_id'], $attempt, $effect, true );
		$sent    = self::send( $row, $effect );
		if ( $is_ours ) {
			self::record( $row, $effect, $sent );
		} else {
			History::record( $row['job_id'], $attempt, 'resent', array( 'outcome' => $sent, 'user' => get_current_user_id() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			self::mark( $row, $effect, $sent );
		}
		History::write();
		return $sent;
	}

	/**
	 * The facts of Mail::send(), from an attempt as it is in `$row`: the row may be newer than what the database holds.
	 *
	 * @param array $row   A ledger row.
	 * @param array $extra Further facts, which win: customer_message, amount, …
	 * @return array See Mail::send().
	 * @throws \SmiBridge\Core\Database_Error When the shop's row can't be read.
	 */
	private static function facts( array $row, array $extra ): array {
		$job     = Shop::job( $row['job_id'] );
		$is_read = $job && '' !== $job['email']; // Else queries are saved, for nobody would read it.
		$facts   = array(
			'job_id'       => $row['job_id'],
			'attempt'      => (int) $row['attempt'],
			'email'        => $job['email'] ?? '',
			'title'        => $is_read ? Shop::title( $job ) : null,
			'width'        => null === $row['width'] ? null : (int) $row['width'],
			'height'       => null === $row['height'] ? null : (int) $row['height'],
			'bytes'        => null === $row['bytes'] ? null : (int) $row['bytes'],
			'format'       => $row['format'],
			'factor'       => $job['factor'] ?? 0,
			'download_url' => Shop::download_url( $row ),
			'expires_at'   => Sql::rfc3339( $row['expires_at'] ),
			'preview_url'  => $is_read ? Source_Place::preview( $job, 'medium_large' ) : '', // People recognise what they bought.
			'reason'       => $row['reason'],
			'amount'       => $job['amount'] ?? null,
			/** Filters the address of the page that shows a customer where the job stands; '' if there is none. */
			'status_url'   => (string) apply_filters( 'smi_bridge_status_url', '', $row['job_id'] ),
		);
		/** Filters the facts that a mail tells. */
		return (array) apply_filters( 'smi_bridge_job_facts', $extra + $facts, $row );
	}
}
