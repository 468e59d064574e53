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
use SmiBridge\Core\Sql;
use SmiBridge\Core\Transaction;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Files\Upload;
use SmiBridge\Jobs\Downloads;
use SmiBridge\Jobs\Rerun;
use SmiBridge\Jobs\Send_Later;
use SmiBridge\Jobs\Stop;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Announcements;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * All state changes in one transaction; what follows from them is the care of Batch_Effects. Each effect is claimed in the database
 * before it begins: if we die in it, the claim tells that the outcome is unknown, and nothing is repeated. Other people's listeners
 * come when the answer is out (Announcements).
 */
final class Batch {

	/** Type => class, method and, where a message is about an attempt, the method of Attempt that reads it: the handler gets its row. */
	const HANDLERS = array(
		'job.submitting'  => array( Submission_Messages::class, 'submitting', 'lock' ),
		'job.submitted'   => array( Submission_Messages::class, 'submitted', 'going_on' ),
		'job.progress'    => array( Submission_Messages::class, 'progress', 'going_on' ),
		'job.delivered'   => array( Delivery_Messages::class, 'delivered', 'lock' ),
		'job.downloaded'  => array( Downloads::class, 'message' ),
		'job.message'     => array( Delivery_Messages::class, 'message', 'lock' ),
		'job.failed'      => array( Failure_Messages::class, 'failed', 'lock' ),
		'job.rerun'       => array( Rerun::class, 'message' ),
		'job.stop'        => array( Stop::class, 'message' ),
		'admin.notice'    => array( Admin_Digest::class, 'notice' ),
		'jobs.unfinished' => array( Reconcile::class, 'unfinished' ),
		'jobs.lookup'     => array( Pull::class, 'lookup' ),
		'status'          => array( Pull::class, 'status' ),
		'file.open'       => array( Upload::class, 'open', 'going_on' ),
		'file.close'      => array( Upload::class, 'close' ),
		'file.stat'       => array( Stored_Files::class, 'stat' ),
		'file.remove'     => array( Stored_Files::class, 'remove' ),
		'file.list'       => array( Stored_Files::class, 'listed' ),
		'file.refused'    => array( Stored_Files::class, 'refused' ),
		'sidecar.address' => array( Mailbox_Messages::class, 'address' ),
		'mailbox.collect' => array( Mailbox_Messages::class, 'collect' ),
	);

	/** Answers of these are not kept: they are large, or old at once; and each may be repeated. */
	const QUESTIONS = array( 'jobs.unfinished', 'jobs.lookup', 'status', 'file.open', 'file.close', 'file.stat', 'file.remove', 'file.list', 'file.refused', 'mailbox.collect' );

	/**
	 * Whether a delivery only asks.
	 *
	 * @param \stdClass[] $messages Messages.
	 */
	public static function are_questions( array $messages ): bool {
		return ! array_diff( array_column( $messages, 'type' ), self::QUESTIONS );
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
		return ( new Batch_Effects( $messages, self::change( $messages, $transaction ), $keep_as ) )->run();
	}

	/**
	 * The state changes.
	 *
	 * @param \stdClass[] $messages    Messages.
	 * @param Transaction $transaction Begun; committed or undone here.
	 * @return Outcome[]
	 */
	private static function change( array $messages, Transaction $transaction ): array {
		Announcements::hold( true );
		try {
			self::read_ahead( $messages );
			$outcomes = count( $messages ) > 1
				? self::together( $messages, $transaction ) ?? self::one_by_one( $messages, $transaction )
				: array( self::handle_message( $messages[0] ) );
			History::write();
			$transaction->commit();
			return $outcomes;
		} catch ( \Throwable $error ) {
			Log::write( 'messages_undone', self::said( $error ) );
			$transaction->rollback();
			self::forget();
			return array_fill( 0, count( $messages ), self::failed( $error ) );
		} finally {
			Announcements::hold( false );
			Ledger::forget_locked();
		}
	}

	/**
	 * All messages as one step, whose rows are written together, since as a rule none fails; null, and nothing is changed, when the database
	 * has refused one of them, somebody else was faster with a row, or other people's code has thrown.
	 *
	 * @param \stdClass[] $messages    Messages.
	 * @param Transaction $transaction Of the delivery; begun anew where the database has undone it all, as after a deadlock.
	 * @return Outcome[]|null
	 * @throws Database_Error When nothing can be saved any more.
	 */
	private static function together( array $messages, Transaction $transaction ): ?array {
		$recorded = self::recorded();
		try {
			return $transaction->step(
				static function () use ( $messages ) {
					return Sql::gather(
						static function () use ( $messages ) {
							return array_map( array( self::class, 'handle_message' ), $messages );
						}
					);
				}
			);
		} catch ( \Throwable $error ) {
			self::forget( $recorded );
			if ( $transaction->is_lost() ) {
				$transaction->restart();
			}
			return null;
		}
	}

	/**
	 * Each message as a step of its own: what one did is undone alone when it fails.
	 *
	 * @param \stdClass[] $messages    Messages.
	 * @param Transaction $transaction Of the delivery.
	 * @return Outcome[]
	 * @throws \Throwable When nothing can be saved any more.
	 */
	private static function one_by_one( array $messages, Transaction $transaction ): array {
		$outcomes = array();
		foreach ( $messages as $index => $message ) {
			$recorded = self::recorded();
			try {
				$outcomes[ $index ] = $transaction->step(
					static function () use ( $message ) {
						return self::handle_message( $message );
					}
				);
			} catch ( \Throwable $error ) {
				if ( $transaction->is_lost() ) {
					throw $error; // The messages before are undone, too.
				}
				self::forget( $recorded );
				Log::write( 'message_failed', self::said( $error ), array( 'type' => $message->type ) );
				$outcomes[ $index ] = self::failed( $error );
			}
		}
		return $outcomes;
	}

	/** The outcome of what has thrown: the sender comes again. @param \Throwable $error What. */
	private static function failed( \Throwable $error ): Outcome {
		return Outcome::failed( $error instanceof Database_Error ? 'database' : 'broke' );
	}

	/** What it says, and where it comes from if it is not the database's. @param \Throwable $error What. */
	private static function said( \Throwable $error ): string {
		return $error->getMessage() . ( $error instanceof Database_Error ? '' : ' (' . basename( $error->getFile() ) . ':' . $error->getLine() . ')' );
	}

	/** How many events, announcements and messages to the sidecar stand. @return int[] */
	private static function recorded(): array {
		return array( History::count(), Announcements::count(), Send_Later::count() );
	}

	/**
	 * Events, announcements and messages about what was undone are forgotten, and rows are read again.
	 *
	 * @param int[] $recorded What stands, see recorded().
	 */
	private static function forget( array $recorded = array( 0, 0, 0 ) ): void {
		History::forget( $recorded[0] );
		Announcements::forget( $recorded[1] );
		Send_Later::forget( $recorded[2] );
		Shop::forget();
		Ledger::forget_locked();
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
		list( $class, $method, $reads ) = self::HANDLERS[ $message->type ] + array( 2 => null );

		$data = json_decode( wp_json_encode( $message->data ), true );
		$row  = null === $reads ? null : call_user_func( array( Attempt::class, $reads ), $data );
		return $row instanceof Outcome ? $row : call_user_func( array( $class, $method ), $data, $row );
	}

	/**
	 * Reads the shop's rows of a larger delivery in one statement, what mails will tell of their pictures in two, and locks the ledger's
	 * rows in another.
	 *
	 * @param \stdClass[] $messages Messages.
	 */
	private static function read_ahead( array $messages ): void {
		$job_ids   = array();
		$delivered = array();
		foreach ( $messages as $message ) {
			if ( isset( $message->data->job_id ) && is_string( $message->data->job_id ) ) {
				$job_ids[] = $message->data->job_id;
				if ( 'job.delivered' === $message->type ) {
					$delivered[] = $message->data->job_id;
				}
			}
		}
		if ( count( $messages ) > 1 && $job_ids ) {
			$job_ids = array_values( array_unique( $job_ids ) );
			Shop::jobs( $job_ids );
			if ( $delivered ) {
				Customer_Mail::read_pictures( $delivered );
			}
			Ledger::lock_ahead( $job_ids );
		}
	}
}
