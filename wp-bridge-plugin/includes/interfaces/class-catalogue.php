<?php
/**
 * What REST, Abilities and WP-CLI take and tell: JSON Schemas (schemas/interfaces.json) and the list of actions (schemas/actions.json).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Schemas;
use SmiBridge\Jobs\Allowed_Actions;

defined( 'ABSPATH' ) || exit;

/**
 * Schemas in WordPress' dialect, described in the current locale. They describe; who checks is WordPress.
 */
final class Catalogue {

	/** Fields that are words for people. */
	const WORDS = array( 'description', 'label', 'does' );

	/** A part of the catalogue. @param string $name As in the file. */
	public static function part( string $name ): array {
		return self::in_words( Schemas::get( 'interfaces' )[ $name ] );
	}

	/** JSON Schema of what is told. @param string $name job, full (what Job_View::full() returns), page, answer (of an action), connection. */
	public static function schema( string $name ): array {
		$schema = self::part( 'full' === $name ? 'job' : $name );
		if ( 'full' === $name ) {
			$schema['properties'] += self::part( 'details' );
		} elseif ( 'page' === $name ) {
			$schema['properties']['jobs']['items'] = self::part( 'job' );
		}
		return $schema;
	}

	/** JSON Schema of a job's id. */
	public static function id(): array {
		return self::in_words( Schemas::get( 'interfaces' )['job']['properties']['job_id'] );
	}

	/** Actions that machines may ask for: name => `{label, does, options: schemas, ability?: {name, label, marks}}`. */
	public static function actions(): array {
		return array_map( array( self::class, 'in_words' ), array_filter( Allowed_Actions::all(), array( self::class, 'has_options' ) ) );
	}

	/** Whether an action is more than another one's button. @param array $action As in the file. */
	public static function has_options( array $action ): bool {
		return isset( $action['options'] );
	}

	/** A part with its words translated. @param array $part As in the file. */
	private static function in_words( array $part ): array {
		return Schemas::in_words( $part, self::WORDS );
	}
}
