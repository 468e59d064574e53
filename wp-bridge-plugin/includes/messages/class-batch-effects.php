<?php
/**
 * What a delivery's messages lead to outside of the ledger: refunds, mails. Each was made possible by a commit, and ends in another.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Sql;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Core\Transaction;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Idempotency;
use SmiBridge\Mail\Admin_Digest;
use SmiBridge\Mail\Mail_Connection;

defined( 'ABSPATH' ) || exit;

/**
 * 1. effects, 2. mails, 3. their outcomes and the kept answer, in one transaction; then the admin's mail.
 *
 * Other people's code (a payment provider's, a mailer) may end the request in 1 or 2. Then this is taken up again at the end of the
 * request: what was begun stays of unknown outcome, the other effects are done, and messages whose refund was cut off or whose mail
 * was not begun are answered `failed`, so that the sidecar sends them again. One mail is lost from sight, not those of the other jobs.
 */
final class Batch_Effects {

	/** What was asked. @var \stdClass[] */
	private $messages;
	/** What came of it. @var Outcome[] */
	private $outcomes;
	/** Id under which the answer is kept; null: not kept. @var string|null */
	private $keep_as;
	/** Writes for step 3. @var callable[] */
	private $writes = array();
	/** Effects that have not begun: pairs of the message's place and the effect. @var array[] */
	private $left = array();
	/** Place of the message whose effect is under way. @var int|null */
	private $under_way = null;
	/** The answer, JSON, when step 3 is reached. @var string|null */
	private $answer = null;

	/**
	 * Effects of a delivery.
	 *
	 * @param \stdClass[] $messages Messages.
	 * @param \SmiBridge\Core\Outcome[]   $outcomes Outcomes; effects may add to their data.
	 * @param string|null $keep_as  Id under which the answer is kept; null: not kept.
	 */
	public function __construct( array $messages, array $outcomes, ?string $keep_as ) {
		$this->messages = $messages;
		$this->outcomes = $outcomes;
		$this->keep_as  = $keep_as;
	}

	/**
	 * All steps.
	 *
	 * @return string The answer, JSON.
	 */
	public function run(): string {
		$this->left = $this->listed( 'effects' );
		Request::at_end( array( $this, 'go_on' ), PHP_INT_MIN );
		$this->take_effect();
		$this->mail();
		$this->finish();
		if ( did_action( 'init' ) ) { // Mailers are ready.
			Admin_Digest::send_if_due();
		}
		return $this->answer;
	}

	/** The request is over. If somebody ended it in the middle of our work: what is left, and the answer. */
	public function go_on(): void {
		if ( Request::is_answered() ) {
			return;
		}
		Log::write( 'delivery_cut_off', 'Other code has ended the request while it mailed or refunded.' );
		if ( null === $this->answer ) {
			if ( null !== $this->under_way ) {
				$this->later( $this->under_way, 'cut_off' ); // The sidecar asks again, until it is known how it ended.
			}
			$this->take_effect();
			foreach ( $this->listed( 'mails' ) as list( $place ) ) {
				$this->later( $place );
			}
			$this->finish();
		}
		Request::answer( 200, $this->answer );
	}

	/**
	 * What the outcomes have to do, in order.
	 *
	 * @param string $kind Either effects or mails.
	 * @return array[] Pairs: place of the message, effect.
	 */
	private function listed( string $kind ): array {
		$listed = array();
		foreach ( $this->outcomes as $place => $outcome ) {
			foreach ( $outcome->$kind as $effect ) {
				$listed[] = array( $place, $effect );
			}
		}
		return $listed;
	}

	/** Step 1. An effect that throws has failed alone. It may have been done: the sidecar asks again, until that is known. */
	private function take_effect(): void {
		while ( $this->left ) {
			list( $place, $effect ) = array_shift( $this->left );
			$this->under_way = $place;
			try {
				$this->add( $effect( $this->outcomes[ $place ] ) );
			} catch ( \Throwable $error ) {
				$this->log( $place, $error );
				$this->later( $place, 'cut_off' );
			}
			$this->under_way = null;
		}
	}

	/** Step 2. */
	private function mail(): void {
		$mails = $this->listed( 'mails' ); // A refund has added its own.
		if ( count( $mails ) < 2 ) {
			$this->send( $mails );
			return;
		}
		Mail_Connection::keep();
		try {
			$this->send( $mails );
		} finally {
			Mail_Connection::close();
		}
	}

	/** A mailer that is slow must not keep the sidecar waiting until it believes that nobody is here. @param array[] $mails See listed(). */
	private function send( array $mails ): void {
		$began = hrtime( true );
		foreach ( $mails as list( $place, $mail ) ) {
			array_shift( $this->outcomes[ $place ]->mails ); // Should it end the request, go_on() finds those that were not begun.
			if ( ( hrtime( true ) - $began ) / 1e9 > Time_Limits::MAILS_OF_A_DELIVERY ) {
				$this->later( $place );
				continue;
			}
			try {
				$this->add( $mail( $this->outcomes[ $place ] ) );
			} catch ( \Throwable $error ) { // It could not be claimed, and was not sent.
				$this->log( $place, $error );
				$this->later( $place );
			}
		}
	}

	/** The sidecar is to send a message again: its mail was not begun, or nobody knows how its effect ended. @param int $place Of the message. @param string $reason Or another reason. */
	private function later( int $place, string $reason = 'mail_later' ): void {
		$this->outcomes[ $place ]->status = 'failed';
		$this->outcomes[ $place ]->reason = $reason;
	}

	/** Step 3. */
	private function finish(): void {
		$this->answer = $this->json();
		$keeps        = null !== $this->keep_as && ! in_array( 'failed', array_column( $this->outcomes, 'status' ), true ); // What failed is to be tried again, also under the same id.
		if ( $this->writes || $keeps || History::count() ) {
			$this->store( $keeps ? $this->answer : null );
		}
	}

	/**
	 * Outcomes, history and answer. What can't be written is logged: the claims stand, so nothing is repeated.
	 *
	 * @param string|null $answer To be kept.
	 */
	private function store( ?string $answer ): void {
		$transaction = null;
		try {
			$transaction = new Transaction();
			Sql::gather(
				function () {
					array_map( array( $this, 'write' ), $this->writes );
				}
			);
			History::write();
			if ( null !== $answer ) {
				Idempotency::finish( $this->keep_as, $answer );
			}
			$transaction->commit();
		} catch ( Database_Error $error ) {
			Log::write( 'outcomes_not_stored', $error->getMessage() );
			if ( $transaction ) {
				$transaction->rollback();
			}
		}
	}

	/** Writes one outcome. What other people's code throws over it does not undo the others. @param callable $write See add(). */
	private function write( callable $write ): void {
		try {
			$write();
		} catch ( Database_Error $error ) {
			throw $error;
		} catch ( \Throwable $error ) {
			Log::write( 'outcome_broke', $error->getMessage(), array( 'where' => basename( $error->getFile() ) . ':' . $error->getLine() ) );
		}
	}

	/** Keeps what an effect wants to have written. @param mixed $write A callable, or anything else for nothing. */
	private function add( $write ): void {
		if ( is_callable( $write ) ) {
			$this->writes[] = $write;
		}
	}

	/** An effect has thrown. @param int $place Of its message. @param \Throwable $error What. */
	private function log( int $place, \Throwable $error ): void {
		Log::write( 'effect_failed', $error->getMessage(), array( 'type' => $this->messages[ $place ]->type, 'where' => basename( $error->getFile() ) . ':' . $error->getLine() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** The answer. */
	private function json(): string {
		$results = array();
		foreach ( $this->messages as $place => $message ) {
			$results[] = $this->outcomes[ $place ]->result( $message->id );
		}
		return wp_json_encode( array( 'results' => $results ), JSON_UNESCAPED_SLASHES );
	}
}
