<?php
/**
 * What became of one message: the result that its sender gets, and what is left to do after the commit.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Handlers make it, Batch turns it into a result of docs/contract.md, part 3. It holds effects and mails as callables, and runs none of
 * them: that happens after the commit (Batch_Effects).
 */
final class Outcome {

	/** Either done, refused or failed. @var string */
	public $status;
	/** Why it was refused or failed, or null. @var string|null */
	public $reason;
	/** Data of the result. @var array */
	public $data;
	/** Effects, run after the commit: each gets this object and may return a callable with writes that go into the last transaction. @var callable[] */
	public $effects;
	/** Mails, in the same form: run after all effects of the delivery. One that is not begun makes the message `failed`. @var callable[] */
	public $mails;

	/**
	 * An outcome.
	 *
	 * @param string      $status  See above.
	 * @param string|null $reason  See above.
	 * @param array       $data    See above.
	 * @param callable[]  $effects See above.
	 * @param callable[]  $mails   See above.
	 */
	public function __construct( string $status, ?string $reason = null, array $data = array(), array $effects = array(), array $mails = array() ) {
		$this->status  = $status;
		$this->reason  = $reason;
		$this->data    = $data;
		$this->effects = $effects;
		$this->mails   = $mails;
	}

	/** It is done, or was done before. @param array $data Data. @param callable[] $effects Effects. @param callable[] $mails Mails. */
	public static function done( array $data = array(), array $effects = array(), array $mails = array() ): self {
		return new self( 'done', null, $data, $effects, $mails );
	}

	/** It is not done, and will not be: the sender does not come again. @param string $reason A word of the contract. @param array $data Data. */
	public static function refused( string $reason, array $data = array() ): self {
		return new self( 'refused', $reason, $data );
	}

	/** It could not be done now: the sender comes again. @param string $reason A stable word. */
	public static function failed( string $reason ): self {
		return new self( 'failed', $reason );
	}

	/** The message's result, to be encoded as JSON. @param string $id The message's id. @return array {id, status, reason, data} */
	public function result( string $id ): array {
		return array(
			'id'     => $id,
			'status' => $this->status,
			'reason' => $this->reason,
			'data'   => $this->data ? $this->data : new \stdClass(),
		);
	}
}
