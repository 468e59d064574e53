<?php
/**
 * Abilities of the site (WordPress 6.9 and newer): what assistants and automations may find out and do about paid pictures.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Health\Connection_Findings;

defined( 'ABSPATH' ) || exit;

/**
 * Whoever runs one needs the capability of the bridge's pages; what may be done with a job is decided by Actions alone. Money is
 * given back by people: there is no ability for it. On older WordPress the hooks never fire.
 */
final class Abilities {

	const CATEGORY = 'smi-bridge';

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
		foreach ( self::all() as $name => $ability ) {
			$ability['category']            = self::CATEGORY;
			$ability['permission_callback'] = array( Admin_Access::class, 'may' );
			$ability['execute_callback']    = Rest::guard( 'ability_failed', $ability['does'] );
			$ability['meta']                = array(
				'show_in_rest' => true,
				'annotations'  => array_combine( array( 'readonly', 'destructive', 'idempotent' ), $ability['meta'] ),
			);
			unset( $ability['does'] );
			wp_register_ability( 'smi-bridge/' . $name, $ability );
		}
	}

	/** Name => label, description, schemas, `meta` (readonly, destructive, idempotent), `does`. */
	private static function all(): array {
		$job = self::input();
		return array(
			'list-jobs'         => array(
				'label'         => __( 'List jobs', 'smi-bridge' ),
				'description'   => __( 'Lists paid enlargements by their newest attempt, page by page: all, or those that are under way, past due, in review, due for a refund, refunded or delivered.', 'smi-bridge' ),
				'input_schema'  => self::list_input(),
				'output_schema' => self::list_output(),
				'meta'          => array( true, false, true ),
				'does'          => array( Job_View::class, 'page' ),
			),
			'get-job'           => array(
				'label'         => __( 'Look at a job', 'smi-bridge' ),
				'description'   => __( 'Tells where one paid enlargement stands, with all its attempts, mails, refund and story.', 'smi-bridge' ),
				'input_schema'  => $job,
				'output_schema' => Job_Schema::full(),
				'meta'          => array( true, false, true ),
				'does'          => static function ( $input ) {
					return Rest::full( (string) $input['job_id'] );
				},
			),
			'retry-job'         => array(
				'label'         => __( 'Retry a job', 'smi-bridge' ),
				'description'   => __( 'Starts the next attempt of a paid enlargement, unless one is under way. A new enlargement may cost credits at Upsampler.', 'smi-bridge' ),
				'input_schema'  => self::input( Rest::actions()['retry'] ),
				'output_schema' => Job_Schema::answer(),
				'meta'          => array( false, false, false ),
				'does'          => self::action( 'retry' ),
			),
			'cancel-job'        => array(
				'label'         => __( 'Stop a job', 'smi-bridge' ),
				'description'   => __( 'Stops a paid enlargement that is under way; it then waits for a person to retry or refund it.', 'smi-bridge' ),
				'input_schema'  => $job,
				'output_schema' => Job_Schema::answer(),
				'meta'          => array( false, true, true ),
				'does'          => self::action( 'cancel' ),
			),
			'resend-mail'       => array(
				'label'         => __( 'Resend the mail', 'smi-bridge' ),
				'description'   => __( 'Sends the customer the mail that belongs to the job’s state once more: picture ready, refund, or a person looks at it.', 'smi-bridge' ),
				'input_schema'  => $job,
				'output_schema' => Job_Schema::answer(),
				'meta'          => array( false, false, false ),
				'does'          => self::action( 'resend' ),
			),
			'connection-status' => array(
				'label'         => __( 'Connection status', 'smi-bridge' ),
				'description'   => __( 'Tests the connection to the sidecar in both directions, and says in plain words what is wrong.', 'smi-bridge' ),
				'output_schema' => self::connection_output(),
				'meta'          => array( true, false, true ),
				'does'          => array( Connection_Findings::class, 'report' ),
			),
		);
	}

	/** Work that does something with a job. @param string $action As in Rest::actions(). */
	private static function action( string $action ): callable {
		return static function ( $input ) use ( $action ) {
			return Rest::act( $action, (string) $input['job_id'], $input );
		};
	}

	/** Input schema of the list: the parameters of the REST route. */
	private static function list_input(): array {
		$properties = array_map(
			static function ( $param ) {
				return array_diff_key( $param, array_flip( array( 'validate_callback', 'sanitize_callback' ) ) );
			},
			Rest::list_params()
		);
		return Job_Schema::of_object( $properties ) + array(
			'additionalProperties' => false,
			'default'              => array(),
		);
	}

	/** Output schema of the list. */
	private static function list_output(): array {
		return Job_Schema::of_object(
			array(
				'jobs'  => Job_Schema::of_list( Job_Schema::item() ),
				'total' => array( 'type' => 'integer' ),
				'pages' => array( 'type' => 'integer' ),
			)
		);
	}

	/** Output schema of the connection's test. */
	private static function connection_output(): array {
		$text    = array( 'type' => 'string' );
		$finding = array(
			'level'  => $text + array( 'enum' => array( 'ok', 'warn', 'bad' ) ),
			'title'  => $text,
			'text'   => $text,
			'detail' => $text,
		);
		return Job_Schema::of_object(
			array(
				'ok'       => array( 'type' => 'boolean' ),
				'findings' => Job_Schema::of_list( Job_Schema::of_object( $finding ) ),
			)
		);
	}

	/** Input schema of what is about one job. @param array $more Further properties. */
	private static function input( array $more = array() ): array {
		return Job_Schema::of_object( array( 'job_id' => Job_Schema::id() ) + $more ) + array(
			'required'             => array( 'job_id' ),
			'additionalProperties' => false,
		);
	}
}
