<?php
/**
 * The messages of one delivery, handled in their order. One that is refused or fails does not stop the others.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Transaction;
use SmiBridge\Jobs\Downloads;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Idempotency;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * 1. all state changes in one transaction; 2. effects (mails, refunds, listeners), each claimed in step 1; 3. their outcomes and the
 * kept answer in a second transaction. If we die in step 2, the claims tell that the outcome is unknown, and nothing is repeated.
 */
final class Batch {

	/** Type => handler. */
	const HANDLERS = array(
		'job.submitting'  => array( Submission_Messages::class, 'submitting' ),
		'job.submitted'   => array( Submission_Messages::class, 'submitted' ),
		'job.progress'    => array( Submission_Messages::class, 'progress' ),
		'job.delivered'   => array( Delivery_Messages::class, 'delivered' ),
		'job.downloaded'  => array( Downloads::class, 'message' ),
		'job.message'     => array( Delivery_Messages::class, 'message' ),
		'job.failed'      => array( Failure_Messages::class, 'failed' ),
		'job.rerun'       => array( Order_Messages::class, 'rerun' ),
		'job.stop'        => array( Order_Messages::class, 'stop' ),
		'admin.notice'    => array( Admin_Digest::class, 'notice' ),
		'jobs.unfinished' => array( Reconcile::class, 'unfinished' ),
		'jobs.lookup'     => array( Reconcile::class, 'lookup' ),
		'status'          => array( Reconcile::class, 'status' ),
		'sidecar.address' => array( Setup_Messages::class, 'address' ),
	);

	const QUESTIONS = array( 'jobs.unfinished', 'jobs.lookup', 'status' );

	/**
	 * Whether a delivery only asks.
	 *
	 * @param \stdClass[] $messages Messages.
	 */
	public static function are_questions( array $messages ): bool {
		foreach ( $messages as $message ) {
			if ( ! in_array( $message->type, self::QUESTIONS, true ) ) {
				return false;
			}
		}
		return true;
	}

	/**
	 * Handles the messages of a delivery.
	 *
	 * @param \stdClass[] $messages Of the batch schema.
	 * @param string|null $keep_as  Id under which the answer is kept; null: not kept.
	 * @param Transaction $transaction Begun, and ended here.
	 * @return string The answer, JSON.
	 */
	public static function handle( array $messages, ?string $keep_as, Transaction $transaction ): string {
		$outcomes = self::change( $messages, $transaction );
		$writes   = self::take_effect( $messages, $outcomes );
		$json     = self::json( $messages, $outcomes );
		$failed   = array_filter(
			$outcomes,
			static function ( $outcome ) {
				return 'failed' === $outcome->status;
			}
		);
		if ( $writes || null !== $keep_as || History::count() ) {
			self::in_transaction(
				static function () use ( $writes, $keep_as, $failed, $json ) {
					foreach ( $writes as $write ) {
						$write();
					}
					History::write();
					if ( null !== $keep_as && ! $failed ) { // What failed is to be tried again, also under the same id.
						Idempotency::finish( $keep_as, $json );
					}
				}
			);
		}
		Admin_Digest::send_if_due();
		/** Fires when the messages of a delivery have been handled. */
		do_action( 'smi_bridge_messages_handled' );
		return $json;
	}

	/**
	 * Step 1: state changes.
	 *
	 * @param \stdClass[] $messages    Messages.
	 * @param Transaction $transaction Begun; committed or undone here.
	 * @return Outcome[]
	 */
	private static function change( array $messages, Transaction $transaction ): array {
		try {
			self::read_ahead( $messages );
			$outcomes = count( $messages ) > 1
				? self::together( $messages, $transaction ) ?? self::one_by_one( $messages, $transaction )
				: array( self::handle_message( $messages[0] ) );
			History::write();
			$transaction->commit();
			return $outcomes;
		} catch ( Database_Error $error ) {
			Log::write( 'messages_undone', $error->getMessage() );
			$transaction->rollback();
			self::forget();
			return array_fill( 0, count( $messages ), Outcome::failed( 'database' ) );
		} finally {
			Attempt::forget();
		}
	}

	/**
	 * All messages as one step, since as a rule none fails; null, and nothing is changed, when the database has refused one of them.
	 *
	 * @param \stdClass[] $messages    Messages.
	 * @param Transaction $transaction Of the delivery.
	 * @return Outcome[]|null
	 * @throws Database_Error When nothing can be saved any more.
	 */
	private static function together( array $messages, Transaction $transaction ): ?array {
		$recorded = History::count();
		try {
			return $transaction->step(
				static function () use ( $messages ) {
					return array_map( array( self::class, 'handle_message' ), $messages );
				}
			);
		} catch ( Database_Error $error ) {
			self::forget( $recorded );
			return null;
		}
	}

	/**
	 * Each message as a step of its own: what one did is undone alone when it fails.
	 *
	 * @param \stdClass[] $messages    Messages.
	 * @param Transaction $transaction Of the delivery.
	 * @return Outcome[]
	 * @throws Database_Error When nothing can be saved any more.
	 */
	private static function one_by_one( array $messages, Transaction $transaction ): array {
		$outcomes = array();
		foreach ( $messages as $index => $message ) {
			$recorded = History::count();
			try {
				$outcomes[ $index ] = $transaction->step(
					static function () use ( $message ) {
						return self::handle_message( $message );
					}
				);
			} catch ( Database_Error $error ) {
				self::forget( $recorded );
				Log::write( 'message_failed', $error->getMessage(), array( 'type' => $message->type ) );
				$outcomes[ $index ] = Outcome::failed( 'database' );
			}
		}
		return $outcomes;
	}

	/**
	 * Events that were undone are forgotten, and rows are read again.
	 *
	 * @param int $recorded How many events of the history stand.
	 */
	private static function forget( int $recorded = 0 ): void {
		History::forget( $recorded );
		Shop::forget();
		Attempt::forget();
	}

	/**
	 * One message.
	 *
	 * @param \stdClass $message Message.
	 * @throws Database_Error When the database refuses.
	 */
	private static function handle_message( $message ): Outcome {
		if ( ! isset( self::HANDLERS[ $message->type ] ) ) {
			return Outcome::refused( 'unknown_type' );
		}
		$fault = Schemas::fault( $message->data, 'to-shop/' . $message->type );
		if ( '' !== $fault ) {
			Log::write( 'message_invalid', $fault, array( 'type' => $message->type ) );
			return Outcome::refused( 'invalid', array( 'detail' => $fault ) );
		}
		return call_user_func( self::HANDLERS[ $message->type ], json_decode( wp_json_encode( $message->data ), true ) );
	}

	/**
	 * Step 2: effects, in order. An effect that throws has failed alone.
	 *
	 * @param \stdClass[] $messages Messages.
	 * @param Outcome[]   $outcomes Outcomes; effects may add to their data.
	 * @return callable[] Writes for step 3.
	 */
	private static function take_effect( array $messages, array $outcomes ): array {
		$writes = array();
		foreach ( $outcomes as $index => $outcome ) {
			foreach ( $outcome->effects as $effect ) {
				try {
					$write = $effect( $outcome );
					if ( is_callable( $write ) ) {
						$writes[] = $write;
					}
				} catch ( \Throwable $error ) {
					Log::write( 'effect_failed', $error->getMessage(), array( 'type' => $messages[ $index ]->type, 'where' => basename( $error->getFile() ) . ':' . $error->getLine() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				}
			}
		}
		return $writes;
	}

	/**
	 * Step 3. What can't be written is logged: the claims of step 1 stand, so nothing is repeated.
	 *
	 * @param callable $work Writes.
	 */
	private static function in_transaction( callable $work ): void {
		$transaction = null;
		try {
			$transaction = new Transaction();
			$work();
			$transaction->commit();
		} catch ( Database_Error $error ) {
			Log::write( 'outcomes_not_stored', $error->getMessage() );
			if ( $transaction ) {
				$transaction->rollback();
			}
		}
	}

	/**
	 * Reads the shop's rows of a larger delivery in one statement, and locks the ledger's in another. Not those of a job that several
	 * messages speak of: the first may open an attempt that the second has to see.
	 *
	 * @param \stdClass[] $messages Messages.
	 */
	private static function read_ahead( array $messages ): void {
		$job_ids = array();
		foreach ( $messages as $message ) {
			if ( isset( $message->data->job_id ) && is_string( $message->data->job_id ) ) {
				$job_ids[] = $message->data->job_id;
			}
		}
		$spoken_of = array_count_values( $job_ids );
		if ( count( $spoken_of ) > 1 ) {
			Shop::jobs( array_map( 'strval', array_keys( $spoken_of ) ) );
			Attempt::lock_ahead( array_map( 'strval', array_keys( $spoken_of, 1, true ) ) );
		}
	}

	/**
	 * The answer.
	 *
	 * @param \stdClass[] $messages Messages.
	 * @param Outcome[]   $outcomes Outcomes.
	 */
	private static function json( array $messages, array $outcomes ): string {
		$results = array();
		foreach ( $messages as $index => $message ) {
			$results[] = $outcomes[ $index ]->result( $message->id );
		}
		return wp_json_encode( array( 'results' => $results ), JSON_UNESCAPED_SLASHES );
	}
}
