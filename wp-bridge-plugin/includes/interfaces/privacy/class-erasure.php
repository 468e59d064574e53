<?php
/**
 * Forgets who bought a picture, here and at the sidecar. The record of the sale stays, without a person in it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Privacy;

use SmiBridge\Core\Log;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Mailbox;
use SmiBridge\Wire\Sidecar_Client;

defined( 'ABSPATH' ) || exit;

/**
 * 1. the ledger and the history, in one transaction with the claim of the effect; 2. the shop's row; 3. the sidecar (`job.erase`), which
 * deletes its files. Step 3 is repeated daily until the sidecar has confirmed it.
 */
final class Erasure {

	/** Effect (attempt 0): the sidecar was told. */
	const EFFECT = Effects::ERASE;

	/** Jobs that are told again in one go. */
	const MOST = 200;

	/**
	 * Why a job can't be erased now, as words with a place for its reference; null: it can.
	 *
	 * @param array|null $row The newest ledger row.
	 * @param array|null $job The shop's job.
	 */
	public static function why_not( ?array $row, ?array $job ): ?string {
		if ( $row ? ! States::is_settled( $row['state'] ) : ( $job && $job['paid'] && ! in_array( $job['status'], array( 'completed', 'failed' ), true ) ) ) {
			/* translators: %s: reference of an order */
			return __( 'Order %s is paid and still being worked on. It can be erased when it is finished.', 'smi-bridge' );
		}
		if ( $row && 'review' === $row['state'] ) {
			/* translators: %s: reference of an order */
			return __( 'Order %s waits for your decision: the customer has neither the picture nor the money back. It can be erased after that.', 'smi-bridge' );
		}
		return null;
	}

	/**
	 * Those that were erased before.
	 *
	 * @param string[] $job_ids At most some hundreds.
	 * @return string[]
	 */
	public static function done_among( array $job_ids ): array {
		return array_column( Sql::rows( 'SELECT job_id FROM ' . Sql::table( 'effects' ) . ' WHERE job_id IN ' . Sql::in( $job_ids ) . ' AND attempt = 0 AND effect = %s', array( self::EFFECT ) ), 'job_id' );
	}

	/**
	 * Erases a job that may be erased. Safe to call twice.
	 *
	 * @param string $job_id The shop's id.
	 * @return bool Whether the sidecar has been told, too (or has never known the job).
	 * @throws \SmiBridge\Core\Database_Error When the database refuses.
	 */
	public static function of( string $job_id ): bool {
		$attempts = Ledger::in_transaction(
			static function () use ( $job_id ) {
				$row      = Ledger::newest( $job_id, true );
				$attempts = $row ? (int) $row['attempt'] : 0;
				self::forget_in_ledger( $job_id, $attempts );
				return $attempts;
			}
		);
		Shop::write_erased( $job_id );
		Stored_Files::forget_job( $job_id );
		Log::write( 'job_erased', 'At the customer’s wish.', compact( 'job_id' ) );
		return ! $attempts || self::send_to_sidecar( $job_id );
	}

	/** Daily: tells the sidecar what it could not be told before. */
	public static function repeat(): void {
		if ( ! Settings::is_connected() ) {
			return;
		}
		$rows = Sql::rows(
			'SELECT job_id FROM ' . Sql::table( 'effects' ) . " WHERE attempt = 0 AND effect = %s AND ( outcome = 'failed' OR ( done_at IS NULL AND claimed_at < %s ) ) ORDER BY id LIMIT %d",
			array( self::EFFECT, Sql::utc( time() - Time_Limits::EFFECT_UNKNOWN ), self::MOST )
		);
		foreach ( $rows as $row ) {
			if ( Effects::reclaim( $row['job_id'], 0, self::EFFECT, true ) && ! self::send_to_sidecar( $row['job_id'] ) && ! Settings::is_pulled() ) {
				return; // It is still away.
			}
		}
	}

	/**
	 * Takes out of ledger, history and effects what leads to the person or the picture.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt The newest; 0: the ledger does not know the job.
	 */
	private static function forget_in_ledger( string $job_id, int $attempt ): void {
		if ( $attempt ) {
			$facts = array_fill_keys( array( 'path', 'sha256', 'token', 'download_url', 'upsampler_id', 'claim', 'detail' ), null );
			Sql::update( Sql::table( 'ledger' ), $facts + array( 'revoked_at' => Sql::utc( time() ) ), array( 'job_id' => $job_id ) );
			Sql::update( Sql::table( 'events' ), array( 'detail' => null ), array( 'job_id' => $job_id ) );
			Sql::run( 'UPDATE ' . Sql::table( 'effects' ) . ' SET detail = NULL WHERE job_id = ' . Sql::value( $job_id ) . " AND effect LIKE 'mail:%'" );
			History::record( $job_id, $attempt, 'erased' );
			History::write();
		}
		Effects::claim( $job_id, 0, self::EFFECT );
		if ( ! $attempt ) {
			Effects::done( $job_id, 0, self::EFFECT, 'erased' );
		}
	}

	/**
	 * Tells the sidecar, and notes whether it has heard. One that comes by itself says so later (Mailbox_Messages).
	 *
	 * @param string $job_id The shop's id.
	 */
	private static function send_to_sidecar( string $job_id ): bool {
		Mailbox::forget( $job_id ); // It may hold the picture's address.
		$answer = ( new Sidecar_Client() )->send( 'job.erase', array( 'job_id' => $job_id ) );
		if ( is_array( $answer ) && isset( $answer['queued'] ) ) {
			return false;
		}
		$failed = is_wp_error( $answer );
		Effects::done( $job_id, 0, self::EFFECT, $failed ? 'failed' : 'erased', $failed ? $answer->get_error_message() : '' );
		return ! $failed;
	}
}
