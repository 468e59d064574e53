<?php
/**
 * The ledger: one row for each attempt of a paid job. What is written here happened; what is not, did not.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Ledger;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Core\Transaction;

defined( 'ABSPATH' ) || exit;

/**
 * Reads rows, opens attempts, and moves them by compare-and-set along `schemas/states.json`. Rows are arrays of strings and nulls, as the
 * database hands them back; columns: docs/contract.md, part 4. It never decides what should happen to a job. Whatever asks the database
 * throws Database_Error when it refuses.
 */
final class Ledger {

	/** Rows that were locked before anybody has asked for them: job id => row as it is now. @var array[] */
	private static $ahead = array();

	/**
	 * Locks the newest attempts of many jobs in one statement; newest() with `$lock` finds them here.
	 *
	 * @param string[] $job_ids At most some hundreds.
	 */
	public static function lock_ahead( array $job_ids ): void {
		self::$ahead = self::newest_of( $job_ids, true );
	}

	/** Forgets rows that were locked ahead: their transaction is over, or what was written is undone. */
	public static function forget_locked(): void {
		self::$ahead = array();
	}

	/**
	 * The newest attempt of a job, or null: the ledger does not know the job.
	 *
	 * @param string $job_id The shop's id, or whatever a stranger has sent for one.
	 * @param bool   $lock   Keep the row locked until the caller's transaction ends; without one it locks nothing.
	 * @return array|null A row: column => string or null.
	 */
	public static function newest( string $job_id, bool $lock = false ): ?array {
		if ( $lock && isset( self::$ahead[ $job_id ] ) ) {
			return self::$ahead[ $job_id ];
		}
		if ( ! Job_Id::matches( $job_id ) ) {
			return null; // MySQL refuses a statement with bytes that are no text.
		}
		return Sql::row( 'SELECT * FROM ' . Sql::table( 'ledger' ) . ' WHERE job_id = %s ORDER BY attempt DESC LIMIT 1' . ( $lock ? ' FOR UPDATE' : '' ), array( $job_id ) );
	}

	/**
	 * All attempts of a job, oldest first.
	 *
	 * @param string $job_id The shop's id, or whatever a stranger has sent for one.
	 * @return array[] Rows; empty: the ledger does not know the job.
	 */
	public static function attempts( string $job_id ): array {
		return Job_Id::matches( $job_id ) ? Sql::rows( 'SELECT * FROM ' . Sql::table( 'ledger' ) . ' WHERE job_id = %s ORDER BY attempt', array( $job_id ) ) : array();
	}

	/**
	 * The newest attempt of each job.
	 *
	 * @param string[] $job_ids At most some hundreds.
	 * @param bool     $lock    Keep the rows locked until the transaction ends. By their index and in its order, whatever the planner
	 *                          thinks of a small table: no others are locked, and two who lock the same wait, but not for each other.
	 * @return array[] Job id => row; unknown jobs are absent.
	 */
	public static function newest_of( array $job_ids, bool $lock = false ): array {
		if ( ! $job_ids ) {
			return array();
		}
		$from = Sql::table( 'ledger' ) . ( $lock ? ' FORCE INDEX (job_attempt)' : '' );
		$rows = Sql::rows( "SELECT * FROM $from WHERE job_id IN " . Sql::in( $job_ids ) . ' ORDER BY ' . ( $lock ? 'job_id, attempt FOR UPDATE' : 'attempt' ) );
		return array_column( $rows, null, 'job_id' );
	}

	/**
	 * Newest attempts (`l`) that pass a test.
	 *
	 * @param string $where   Test with placeholders, order and limit.
	 * @param array  $values  Their values.
	 * @param string $columns What is wanted of each.
	 * @param string $join    Further tables.
	 * @return array[]
	 */
	public static function newest_where( string $where, array $values, string $columns = 'l.*', string $join = '' ): array {
		$ledger = Sql::table( 'ledger' );
		return Sql::rows( "SELECT $columns FROM $ledger l LEFT JOIN $ledger n ON n.job_id = l.job_id AND n.attempt > l.attempt $join WHERE n.id IS NULL AND $where", $values ); // phpcs:ignore WordPress.DB.PreparedSQL -- what callers put in is looked at there.
	}

	/**
	 * Which of these jobs have a row.
	 *
	 * @param string[] $job_ids At most some thousands.
	 * @return string[]
	 */
	public static function known( array $job_ids ): array {
		if ( ! $job_ids ) {
			return array();
		}
		return array_column( Sql::rows( 'SELECT DISTINCT job_id FROM ' . Sql::table( 'ledger' ) . ' WHERE job_id IN ' . Sql::in( $job_ids ) ), 'job_id' );
	}

	/**
	 * Starts attempt n, if nobody has.
	 *
	 * @param string $job_id The shop's id.
	 * @param int    $attempt 1 or the newest + 1.
	 * @param array  $facts  Further columns: is_rerun, is_forced, state, submission, upsampler_id.
	 * @param array|null $before The attempt before, as it was read: if it has another state by now, as that of a refund, nothing is started.
	 * @return array|null What the row begins with (columns that are not set are absent); null: somebody else has started it.
	 */
	public static function open( string $job_id, int $attempt, array $facts = array(), ?array $before = null ): ?array {
		self::forget_locked();
		$now = time();
		/** Filters the seconds that an attempt may stay unsettled before the next one may be started by hand. */
		$patience = (int) apply_filters( 'smi_bridge_attempt_patience', Time_Limits::ATTEMPT_STALE, $job_id );
		$row      = array(
			'job_id'      => $job_id,
			'attempt'     => $attempt,
			'is_rerun'    => 0,
			'is_forced'   => 0,
			'state'       => 'paid',
			'created_at'  => Sql::utc( $now ),
			'updated_at'  => Sql::utc( $now ),
			'stage_since' => Sql::utc( $now ),
			'deadline_at' => Sql::utc( $now + $patience ),
		);
		$row      = array_merge( $row, $facts );
		$id       = Sql::insert_ignore( 'ledger', $row, array_intersect_key( (array) $before, array_flip( array( 'id', 'state' ) ) ) );
		return $id ? array_map( array( self::class, 'as_read' ), array( 'id' => $id ) + $row ) : null;
	}

	/**
	 * Moves an attempt to a state, if it still is where the caller saw it. `settled_at` and `updated_at` come by themselves.
	 *
	 * @param array  $row The row as it was read.
	 * @param string $to  The state to go to; may be the present one.
	 * @param array  $set Further columns.
	 * @return array|null The row as it is now; null when the table forbids the step or somebody else was faster.
	 */
	public static function move( array $row, string $to, array $set = array() ): ?array {
		if ( ! States::may_go( $row['state'], $to ) ) {
			return null;
		}
		$set['state']      = $to;
		$set['updated_at'] = Sql::utc( time() );
		if ( States::phase( $row['state'] ) !== States::phase( $to ) ) {
			$set['stage_since'] = $set['updated_at'];
		}
		if ( States::is_settled( $to ) && null === $row['settled_at'] ) {
			$set['settled_at'] = $set['updated_at'];
		} elseif ( ! States::is_settled( $to ) ) {
			$set['settled_at'] = null;
		}
		$expected = array(
			'state'      => $row['state'],
			'submission' => (int) $row['submission'],
		);
		$changed  = Sql::change( Sql::table( 'ledger' ), (int) $row['id'], $set, $expected );
		// A step to the same state may change no column at all within one second; only a real step proves ownership.
		if ( ! $changed && $row['state'] !== $to ) {
			return null;
		}
		$moved = array_merge( $row, array_map( array( self::class, 'as_read' ), $set ) );
		if ( isset( self::$ahead[ $row['job_id'] ] ) ) {
			self::$ahead[ $row['job_id'] ] = $moved;
		}
		return $moved;
	}

	/**
	 * Writes columns that are no state: facts about a row whatever its state is.
	 *
	 * @param int   $id  Row.
	 * @param array $set Columns.
	 */
	public static function note( int $id, array $set ): void {
		self::forget_locked();
		Sql::update( Sql::table( 'ledger' ), $set, array( 'id' => $id ) );
	}

	/**
	 * Writes down whether the sidecar has a message about an attempt.
	 *
	 * @param array       $row     The newest row of the job.
	 * @param int         $attempt The attempt that the message was about.
	 * @param string      $type    Of the message.
	 * @param string|null $fault   Why it has not; null: it has.
	 * @param bool        $asks    It asks for the go at once, and that says as much: it is noted then, with what is written anyway.
	 */
	public static function record_message( array $row, int $attempt, string $type, ?string $fault, bool $asks = false ): void {
		if ( null !== $fault ) {
			History::record( $row['job_id'], $attempt, 'forward_failed', array( 'message' => $type, 'reason' => $fault ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			return;
		}
		if ( 'job.paid' === $type && $asks ) {
			return;
		}
		if ( 'job.paid' === $type && $attempt === (int) $row['attempt'] ) {
			self::note( (int) $row['id'], array( 'forwarded_at' => Sql::utc( time() ) ) );
		}
		History::record( $row['job_id'], $attempt, 'forwarded', array( 'message' => $type ) );
	}

	/**
	 * Runs something in a transaction. What is undone, the history does not tell.
	 *
	 * @param callable $work Gets nothing; its result is returned.
	 * @return mixed
	 * @throws \Throwable What `$work` threw, undone.
	 */
	public static function in_transaction( callable $work ) {
		$transaction = new Transaction();
		try {
			$result = $work();
			$transaction->commit();
			return $result;
		} catch ( \Throwable $error ) {
			$transaction->rollback();
			History::forget();
			throw $error;
		}
	}

	/**
	 * Whether an attempt is under way and not past its deadline; one without a deadline is, until it is settled, and so is a refund, which
	 * ends within minutes (Refund::end_cut_off()).
	 *
	 * @param array $row A row.
	 */
	public static function is_busy( array $row ): bool {
		$is_late = 'refunding' !== $row['state'] && null !== $row['deadline_at'] && Sql::unix( $row['deadline_at'] ) <= time();
		return ! States::is_settled( $row['state'] ) && ! $is_late;
	}

	/**
	 * The newest attempt that has a good file, or null.
	 *
	 * @param string $job_id The shop's id.
	 * @param int    $before Only attempts below this one.
	 * @return array|null A row in `delivered` whose link is not revoked.
	 */
	public static function delivered_before( string $job_id, int $before ): ?array {
		return Sql::row(
			'SELECT * FROM ' . Sql::table( 'ledger' ) . " WHERE job_id = %s AND attempt < %d AND state = 'delivered' AND path IS NOT NULL AND revoked_at IS NULL ORDER BY attempt DESC LIMIT 1",
			array( $job_id, $before )
		);
	}

	/**
	 * Forgets attempts that were delivered or refunded before a time, with their effects. A job whose newest attempt is open or in
	 * review stays whole; so does one of which something is still to be done: a mail that is owed, an erasure that the sidecar has not
	 * confirmed.
	 *
	 * @param int $before Unix seconds.
	 */
	public static function forget_settled( int $before ): void {
		$left = 'SELECT 1 FROM ' . Sql::table( 'effects' ) . " e WHERE e.job_id = l.job_id AND ( e.done_at IS NULL OR ( e.effect = 'erase' AND e.outcome = 'failed' ) )";
		$rows = self::newest_where( "l.state IN ('delivered', 'refunded') AND l.updated_at < %s AND NOT EXISTS ( $left ) LIMIT 1000", array( Sql::utc( $before ) ), 'l.job_id' );
		array_map( array( self::class, 'forget' ), array_column( $rows, 'job_id' ) );
	}

	/** Forgets all attempts of a job, their effects and their history. @param string $job_id The shop's id. */
	public static function forget( string $job_id ): void {
		self::forget_locked();
		foreach ( array( 'events', 'effects', 'ledger' ) as $table ) {
			Sql::run( 'DELETE FROM ' . Sql::table( $table ) . ' WHERE job_id = ' . Sql::value( $job_id ) );
		}
	}

	/**
	 * A value as the database would hand it back.
	 *
	 * @param mixed $value Int, float, string or null.
	 */
	private static function as_read( $value ): ?string {
		return null === $value ? null : (string) $value;
	}
}
