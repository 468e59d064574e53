<?php
/**
 * `wp smi-bridge …`: names the commands and what they take. What they do is in Cli_Reports, Cli_Actions and Cli_Checks.
 *
 * Registered on WP-CLI only. Whoever may run it may do everything: there is no capability to check at a command line.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Cli;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Schemas;
use SmiBridge\Interfaces\Catalogue;
use SmiBridge\Jobs\Allowed_Actions;

defined( 'ABSPATH' ) || exit;

/**
 * Looks after paid image enlargements: what was bought, where it stands, what to do about it.
 */
final class Cli extends \WP_CLI\Dispatcher\CommandNamespace {

	/** Options that bear another name than in REST. */
	const NAMES = array(
		'confirm'   => 'downloaded',
		'mark_only' => 'mark-only',
	);

	/** Adds all commands. */
	public static function register(): void {
		\WP_CLI::add_command( 'smi-bridge', self::class, array( 'shortdesc' => 'Looks after paid image enlargements.' ) );
		self::add( 'list', array( Cli_Reports::class, 'jobs' ), 'Lists jobs by their newest attempt.', array_merge( self::filters(), self::list_options(), array( self::format( array( 'ids', 'count' ) ) ) ), "    wp smi-bridge list --view=review\n    wp smi-bridge list --view=past_due --format=ids" );
		self::add( 'status', array( Cli_Reports::class, 'status' ), 'Shows how bridge and sidecar are.', array( self::format() ), '    wp smi-bridge status --format=json' );
		self::add( 'show', array( Cli_Reports::class, 'show' ), 'Tells the whole history of a job.', array( self::job(), self::format( array(), array( 'table', 'json', 'yaml' ) ) ), '    wp smi-bridge show 0d6fbb1c-8f6b-4a7e-9d36-0c8a4f1f9f10' );
		foreach ( array_filter( Allowed_Actions::all(), array( Catalogue::class, 'has_options' ) ) as $action => $about ) {
			$work = static function ( $positional, $named ) use ( $action ) {
				Cli_Actions::run( $action, $positional, $named );
			};
			self::add( $action, $work, $about['does'], array_merge( self::selection(), self::options( $about['options'] ), array( self::format( array( 'ids', 'count' ) ) ) ), '    wp smi-bridge ' . $about['example'] );
		}
		self::add( 'reconcile', array( Cli_Checks::class, 'reconcile' ), 'Takes in paid jobs that the bridge never heard of, and tells the sidecar of those that it has not confirmed.', array( self::dry_run(), self::format( array( 'ids', 'count' ) ) ), '    wp smi-bridge reconcile --dry-run' );
		self::add( 'doctor', array( Cli_Checks::class, 'doctor' ), 'Looks for everything that could be wrong; exits with 1 if something is.', array( self::format() ), '    wp smi-bridge doctor' );
	}

	/** Options as the catalogue has them, in English as all commands. @param array[] $schemas Name => JSON Schema. */
	private static function options( array $schemas ): array {
		$options = array();
		foreach ( $schemas as $name => $schema ) {
			$name      = self::NAMES[ $name ] ?? $name;
			$choice    = isset( $schema['enum'] ) ? array( 'options' => $schema['enum'] ) : array();
			$options[] = 'boolean' === $schema['type'] ? self::flag( $name, $schema['description'] ) : self::option( $name, $schema['description'], $choice );
		}
		return $options;
	}

	/**
	 * Adds a command. A refusing database ends it with one line.
	 *
	 * @param string   $name     Its name.
	 * @param callable $work     Gets positional and named arguments.
	 * @param string   $does     One sentence.
	 * @param array[]  $synopsis Arguments.
	 * @param string   $example  Lines for the help.
	 */
	private static function add( string $name, callable $work, string $does, array $synopsis, string $example ): void {
		\WP_CLI::add_command(
			'smi-bridge ' . $name,
			static function ( $positional, $named ) use ( $work ) {
				try {
					$work( $positional, $named );
				} catch ( Database_Error $error ) {
					\WP_CLI::error( 'The database refused: ' . $error->getMessage() );
				}
			},
			array(
				'shortdesc' => $does,
				'synopsis'  => $synopsis,
				'longdesc'  => "## EXAMPLES\n\n" . $example,
			)
		);
	}

	/** Which jobs an action is for, and how. */
	private static function selection(): array {
		$jobs = array( 'optional' => true, 'repeating' => true ) + self::job(); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		$all  = self::flag( 'all', 'All jobs that --view (and --search, --from, --to) name.' );
		return array_merge( array( $jobs, $all ), self::filters(), array( self::option( 'limit', 'With --all: at most so many.' ), self::dry_run(), self::flag( 'yes', 'Do not ask.' ) ) );
	}

	/** Options that filter the list of jobs. */
	private static function filters(): array {
		return self::options( array_intersect_key( Schemas::get( 'interfaces' )['list'], array_flip( array( 'view', 'search', 'from', 'to' ) ) ) );
	}

	/** Further options of the list. */
	private static function list_options(): array {
		return array(
			self::option( 'order', 'By age.', array( 'default' => 'desc', 'options' => array( 'desc', 'asc' ) ) ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			self::option( 'limit', 'At most so many; 0: all.', array( 'default' => '50' ) ),
			self::option( 'offset', 'Leave out so many.', array( 'default' => '0' ) ),
			self::option( 'fields', 'Columns, separated by commas.' ),
		);
	}

	/**
	 * How to print.
	 *
	 * @param string[] $more Further formats.
	 * @param string[] $base The usual ones.
	 */
	private static function format( array $more = array(), array $base = array( 'table', 'json', 'csv', 'yaml' ) ): array {
		return self::option( 'format', 'How to print.', array( 'default' => 'table', 'options' => array_merge( $base, $more ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** One job's id. */
	private static function job(): array {
		return array(
			'type'        => 'positional',
			'name'        => 'job',
			'description' => 'The shop’s id of a job.',
		);
	}

	/** Only say what would be done. */
	private static function dry_run(): array {
		return self::flag( 'dry-run', 'Only say what would be done.' );
	}

	/** An option without value. @param string $name Name. @param string $about Description. */
	private static function flag( string $name, string $about ): array {
		return array(
			'type'        => 'flag',
			'name'        => $name,
			'description' => $about,
			'optional'    => true,
		);
	}

	/** An option with a value. @param string $name Name. @param string $about Description. @param array $more Default and choice. */
	private static function option( string $name, string $about, array $more = array() ): array {
		return array(
			'type'        => 'assoc',
			'name'        => $name,
			'description' => $about,
			'optional'    => true,
		) + $more;
	}
}
