<?php
/**
 * Effects that must happen at most once: a mail, a refund. Claimed before, done after; the unique key of the table decides.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Sql;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * A claim without an end is an effect of unknown outcome: shown to a person, never repeated blindly. No effect is run here. Whatever asks
 * the database throws Database_Error when it refuses.
 */
final class Effects {

	/** The effect of a payment's refund, claimed with attempt 0: once for each payment. */
	const REFUND = 'refund';

	/** The sidecar was told to forget a job, claimed with attempt 0. */
	const ERASE = 'erase';

	/** The outcome of an effect that is owed. */
	const DUE = 'due';

	/** Rows that were claimed in this request: what names the effect => id. @var int[] */
	private static $claimed = array();

	/**
	 * Notes, within the transaction that gives reason to it, an effect that is to follow. The request that wins take_due() does it.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt As of claim().
	 * @param string $effect  As of claim().
	 */
	public static function owe( string $job_id, int $attempt, string $effect ): void {
		$owed = array(
			'claimed_at' => Sql::utc( time() ),
			'outcome'    => self::DUE,
		);
		Sql::insert_ignore( 'effects', self::key( $job_id, $attempt, $effect ) + $owed );
	}

	/**
	 * Effects that are owed, oldest first.
	 *
	 * @param int $most At most so many.
	 * @return array[] Rows, see find().
	 */
	public static function due( int $most ): array {
		return Sql::rows( 'SELECT * FROM ' . Sql::table( 'effects' ) . ' WHERE done_at IS NULL AND outcome = %s ORDER BY id LIMIT %d', array( self::DUE, $most ) );
	}

	/**
	 * Claims an effect that is owed.
	 *
	 * @param array $row One of due().
	 * @return bool Whether it is ours to do; of several who try at once, one gets it.
	 */
	public static function take_due( array $row ): bool {
		$set = array(
			'claimed_at' => Sql::utc( time() ),
			'outcome'    => null,
		);
		return 1 === Sql::update( Sql::table( 'effects' ), $set, array_intersect_key( $row, array_flip( array( 'id', 'outcome' ) ) ) );
	}

	/** Somebody does by hand what is owed about a job: nothing is, any more. @param string $job_id The shop's id. */
	public static function overtake( string $job_id ): void {
		$set = array(
			'done_at' => Sql::utc( time() ),
			'outcome' => 'overtaken',
		);
		Sql::update( Sql::table( 'effects' ), $set, array( 'job_id' => $job_id, 'outcome' => self::DUE ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/**
	 * Claims an effect.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt 0 for what happens once for each payment.
	 * @param string $effect  E.g. `mail:delivered`, `refund`.
	 * @return bool Whether it is ours to do.
	 */
	public static function claim( string $job_id, int $attempt, string $effect ): bool {
		$key = self::key( $job_id, $attempt, $effect );
		$id  = Sql::insert_ignore( 'effects', $key + array( 'claimed_at' => Sql::utc( time() ) ) );
		if ( $id ) {
			self::$claimed[ implode( ' ', $key ) ] = $id;
		}
		return 0 !== $id;
	}

	/**
	 * Tells how a claimed effect ended.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt As claimed.
	 * @param string $effect  As claimed.
	 * @param string $outcome One word, at most 20 characters.
	 * @param string $detail  For people.
	 */
	public static function done( string $job_id, int $attempt, string $effect, string $outcome, string $detail = '' ): void {
		$key = self::key( $job_id, $attempt, $effect );
		$set = array(
			'done_at' => Sql::utc( time() ),
			'outcome' => $outcome,
			'detail'  => '' === $detail ? null : $detail,
		);
		$id = self::$claimed[ implode( ' ', $key ) ] ?? 0;
		if ( $id ) {
			Sql::change( Sql::table( 'effects' ), $id, $set );
		} else {
			Sql::update( Sql::table( 'effects' ), $set, $key );
		}
	}

	/**
	 * Takes a claim again that ended without effect (or, if `$unknown`, whose end nobody knows): only when a person says so.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt As claimed.
	 * @param string $effect  As claimed.
	 * @param bool   $unknown Also a claim whose outcome is unknown.
	 * @return bool Whether it is ours to do again; of several who try at once, one gets it.
	 */
	public static function reclaim( string $job_id, int $attempt, string $effect, bool $unknown ): bool {
		$row = self::find( $job_id, $attempt, $effect );
		if ( ! $row || ! ( 'failed' === $row['outcome'] || ( $unknown && ( 'unknown' === $row['outcome'] || self::is_unknown( $row ) ) ) ) ) {
			return false;
		}
		$set = array(
			'claimed_at' => Sql::utc( time() ),
			'done_at'    => null,
			'outcome'    => null,
		);
		$as_read = array_intersect_key( $row, array_flip( array( 'id', 'claimed_at', 'outcome' ) ) );
		return 1 === Sql::update( Sql::table( 'effects' ), $set, $as_read );
	}

	/**
	 * The row of an effect, or null: it was never claimed.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt As claimed.
	 * @param string $effect  As claimed.
	 * @return array|null {id, job_id, attempt, effect, claimed_at, done_at, outcome, detail}, strings and nulls; times in UTC.
	 */
	public static function find( string $job_id, int $attempt, string $effect ): ?array {
		return Sql::row( 'SELECT * FROM ' . Sql::table( 'effects' ) . ' WHERE job_id = %s AND attempt = %d AND effect = %s', array( $job_id, $attempt, $effect ) );
	}

	/**
	 * Effects of a job, oldest first.
	 *
	 * @param string $job_id The shop's id.
	 * @return array[] Rows, see find().
	 */
	public static function of_job( string $job_id ): array {
		return Sql::rows( 'SELECT * FROM ' . Sql::table( 'effects' ) . ' WHERE job_id = %s ORDER BY id', array( $job_id ) );
	}

	/**
	 * Whether a claim has no end although it is old.
	 *
	 * @param array $row A row of the table.
	 */
	public static function is_unknown( array $row ): bool {
		return null === $row['done_at'] && Sql::unix( $row['claimed_at'] ) < time() - Time_Limits::EFFECT_UNKNOWN;
	}

	/**
	 * What names an effect.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt As claimed.
	 * @param string $effect  As claimed.
	 */
	private static function key( string $job_id, int $attempt, string $effect ): array {
		return array(
			'job_id'  => $job_id,
			'attempt' => $attempt,
			'effect'  => $effect,
		);
	}
}
