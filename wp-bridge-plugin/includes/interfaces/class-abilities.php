<?php
/**
 * Abilities of the site (WordPress 6.9 and newer): what assistants and automations may find out and do about paid pictures.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Health\Connection_Test;

defined( 'ABSPATH' ) || exit;

/**
 * Each needs the capability of the bridge's pages; what may be done with a job is decided by Actions alone. Money is
 * given back by people: there is no ability for it. On older WordPress the hooks never fire.
 */
final class Abilities {

	const CATEGORY = 'smi-bridge';

	/** Marks of what only looks: readonly, destructive, idempotent. */
	const LOOKS = array( true, false, true );

	/** Hook `wp_abilities_api_categories_init`. */
	public static function register_category(): void {
		wp_register_ability_category(
			self::CATEGORY,
			array(
				'label'       => __( 'SMI Bridge', 'smi-bridge' ),
				'description' => __( 'Paid enlargements of pictures: where they stand, and what to do about them.', 'smi-bridge' ),
			)
		);
	}

	/** Hook `wp_abilities_api_init`. */
	public static function register(): void {
		$abilities = Catalogue::part( 'abilities' );
		$full      = static function ( $input ) {
			return Rest::full( (string) $input['job_id'] );
		};
		self::add( 'list-jobs', $abilities['list-jobs'], array( Job_View::class, 'page' ), self::input( Catalogue::part( 'list' ) ) + array( 'default' => array() ) );
		self::add( 'get-job', $abilities['get-job'], $full, self::about_a_job() );
		self::add( 'connection-status', $abilities['connection-status'], array( Connection_Test::class, 'report' ) );
		foreach ( Catalogue::actions() as $action => $about ) {
			if ( isset( $about['ability'] ) ) {
				$work = static function ( $input ) use ( $action ) {
					return Rest::act( $action, (string) $input['job_id'], $input );
				};
				$words = $about['ability'] + $about + array( 'tells' => 'answer' ); // The ability's own label, before the button's.
				self::add( $about['ability']['name'], $words, $work, self::about_a_job( $about['options'] ) );
			}
		}
	}

	/**
	 * Registers an ability.
	 *
	 * @param string     $name  Its name.
	 * @param array      $about `{label, does, tells: name of a schema, marks?}`.
	 * @param callable   $work  Gets the input.
	 * @param array|null $input JSON Schema.
	 */
	private static function add( string $name, array $about, callable $work, ?array $input = null ): void {
		$ability = array(
			'category'            => self::CATEGORY,
			'label'               => $about['label'],
			'description'         => $about['does'],
			'input_schema'        => $input,
			'output_schema'       => Catalogue::schema( $about['tells'] ),
			'permission_callback' => array( Admin_Access::class, 'may' ),
			'execute_callback'    => Rest::guard( 'ability_failed', $work ),
			'meta'                => array(
				'show_in_rest' => true,
				'annotations'  => array_combine( array( 'readonly', 'destructive', 'idempotent' ), $about['marks'] ?? self::LOOKS ),
			),
		);
		wp_register_ability( 'smi-bridge/' . $name, array_filter( $ability ) );
	}

	/** Input schema of what is about one job. @param array[] $options Further properties. */
	private static function about_a_job( array $options = array() ): array {
		return self::input( array( 'job_id' => Catalogue::id() ) + $options ) + array( 'required' => array( 'job_id' ) );
	}

	/** Input schema. @param array[] $properties Name => schema. */
	private static function input( array $properties ): array {
		return array(
			'type'                 => 'object',
			'properties'           => $properties,
			'additionalProperties' => false,
		);
	}
}
