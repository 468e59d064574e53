<?php
/**
 * JSON Schemas of what Job_View and Actions say, for REST and Abilities.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\States;

defined( 'ABSPATH' ) || exit;

/**
 * Schemas in WordPress' dialect (draft 4 with `required` in either form). Descriptions are in the current locale. They describe; who
 * checks is WordPress.
 */
final class Job_Schema {

	/** JSON Schema of a job's id. */
	public static function id(): array {
		return self::says( array( 'type' => 'string', 'pattern' => '^' . Job_Id::PATTERN . '$' ), __( 'The shop’s id of the job.', 'smi-bridge' ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** JSON Schema of an item. What is a column of the ledger bears its name. */
	public static function item(): array {
		$text = array( 'type' => array( 'string', 'null' ) );
		$int  = array( 'type' => array( 'integer', 'null' ) );
		$num  = array( 'type' => array( 'number', 'null' ) );
		$time = array(
			'type'   => array( 'string', 'null' ),
			'format' => 'date-time',
		);
		return self::of_object(
			array(
				'job_id'       => self::id(),
				'attempt'      => self::says( array( 'type' => 'integer', 'minimum' => 1 ), __( 'Number of the newest attempt.', 'smi-bridge' ) ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				'state'        => self::says( array( 'type' => 'string', 'enum' => array_keys( States::all() ) ), __( 'Where the attempt stands.', 'smi-bridge' ) ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				'state_label'  => self::says( array( 'type' => 'string' ), __( 'The same, in words.', 'smi-bridge' ) ),
				'past_due'     => self::says( array( 'type' => 'boolean' ), __( 'Whether nothing has happened for too long.', 'smi-bridge' ) ),
				'reason'       => self::says( $text, __( 'A stable word for what went wrong, if anything.', 'smi-bridge' ) ),
				'detail'       => self::says( $text, __( 'The same, for people.', 'smi-bridge' ) ),
				'event'        => self::says( $text, __( 'The last thing that happened.', 'smi-bridge' ) ),
				'title'        => self::says( $text, __( 'What was bought.', 'smi-bridge' ) ),
				'email'        => self::says( array( 'type' => 'string' ), __( 'The customer’s e-mail address, empty if there is none.', 'smi-bridge' ) ),
				'factor'       => self::says( array( 'type' => 'integer' ), __( 'How many times larger each side becomes; 0: not known.', 'smi-bridge' ) ),
				'amount'       => self::says( $num, __( 'What was paid.', 'smi-bridge' ) ),
				'credits'      => self::says( $num, __( 'What Upsampler charged.', 'smi-bridge' ) ),
				'upsampler_id' => self::says( $text, __( 'Upsampler’s id of the job.', 'smi-bridge' ) ),
				'width'        => self::says( $int, __( 'Pixels of the finished file.', 'smi-bridge' ) ),
				'height'       => self::says( $int, __( 'Pixels of the finished file.', 'smi-bridge' ) ),
				'bytes'        => self::says( $int, __( 'Size of the finished file.', 'smi-bridge' ) ),
				'format'       => self::says( $text, __( 'Format of the finished file.', 'smi-bridge' ) ),
				'revoked'      => self::says( array( 'type' => 'boolean' ), __( 'Whether the download link was ended early.', 'smi-bridge' ) ),
				'created_at'   => self::says( $time, __( 'When the attempt began.', 'smi-bridge' ) ),
				'updated_at'   => self::says( $time, __( 'When something last happened.', 'smi-bridge' ) ),
				'next_try_at'  => self::says( $time, __( 'When it is tried again.', 'smi-bridge' ) ),
				'deadline_at'  => self::says( $time, __( 'Until then the attempt is left alone.', 'smi-bridge' ) ),
				'delivered_at' => self::says( $time, __( 'When it was delivered.', 'smi-bridge' ) ),
				'downloaded_at' => self::says( $time, __( 'When the customer first downloaded it.', 'smi-bridge' ) ),
				'expires_at'   => self::says( $time, __( 'When the download link ends.', 'smi-bridge' ) ),
				'settled_at'   => self::says( $time, __( 'When the attempt ended.', 'smi-bridge' ) ),
				'status_url'   => self::says( array( 'type' => 'string', 'format' => 'uri' ), __( 'The page that the customer sees.', 'smi-bridge' ) ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
				'actions'      => self::says( self::of_list( array( 'type' => 'string' ) ), __( 'What makes sense to do now.', 'smi-bridge' ) ),
			)
		);
	}

	/** JSON Schema of what Job_View::full() returns. */
	public static function full(): array {
		$schema = self::item();
		foreach ( array(
			'attempts' => __( 'All attempts, oldest first.', 'smi-bridge' ),
			'effects'  => __( 'What happens at most once: mails, the refund.', 'smi-bridge' ),
			'story'    => __( 'What happened, oldest first.', 'smi-bridge' ),
		) as $name => $words ) {
			$schema['properties'][ $name ] = self::says( self::of_list( array( 'type' => 'object' ) ), $words );
		}
		return $schema;
	}

	/** JSON Schema of the answer of an action. */
	public static function answer(): array {
		return self::of_object(
			array(
				'job_id'  => self::says( array( 'type' => 'string' ), __( 'The shop’s id of the job.', 'smi-bridge' ) ),
				'ok'      => self::says( array( 'type' => 'boolean' ), __( 'Whether it was done, now or before.', 'smi-bridge' ) ),
				'code'    => self::says( array( 'type' => 'string' ), __( 'A stable word for what came of it.', 'smi-bridge' ) ),
				'message' => self::says( array( 'type' => 'string' ), __( 'The same, in words.', 'smi-bridge' ) ),
			)
		);
	}

	/** JSON Schema of an object. @param array[] $properties Name => schema. */
	public static function of_object( array $properties ): array {
		return array(
			'type'       => 'object',
			'properties' => $properties,
		);
	}

	/** JSON Schema of a list. @param array $items Schema of an item. */
	public static function of_list( array $items ): array {
		return array(
			'type'  => 'array',
			'items' => $items,
		);
	}

	/** A schema with its description. @param array $schema Schema. @param string $words Description. */
	private static function says( array $schema, string $words ): array {
		return array( 'description' => $words ) + $schema;
	}
}
