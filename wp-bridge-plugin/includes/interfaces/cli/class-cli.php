<?php
/**
 * `wp smi-bridge …`: names the commands and what they take. What they do is in Cli_Reports, Cli_Actions and Cli_Checks.
 *
 * Registered on WP-CLI only. Its user may do everything: there is no capability to check at a command line.
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

	/** What does a command: gets positional and named arguments. */
	const WORK = array(
		'list'      => array( Cli_Reports::class, 'jobs' ),
		'status'    => array( Cli_Reports::class, 'status' ),
		'show'      => array( Cli_Reports::class, 'show' ),
		'reconcile' => array( Cli_Checks::class, 'reconcile' ),
		'doctor'    => array( Cli_Checks::class, 'doctor' ),
	);

	/** Adds all commands: those of schemas/commands.json, and one for each action. */
	public static function register(): void {
		\WP_CLI::add_command( 'smi-bridge', self::class, array( 'shortdesc' => 'Looks after paid image enlargements.' ) );
		$commands = Schemas::get( 'commands' )['commands'];
		foreach ( self::WORK as $name => $work ) {
			self::add( $name, $work, $commands[ $name ] );
		}
		foreach ( array_filter( Allowed_Actions::all(), array( Catalogue::class, 'has_options' ) ) as $action => $about ) {
			$work = static function ( $positional, $named ) use ( $action ) {
				Cli_Actions::run( $action, $positional, $named );
			};
			self::add( $action, $work, $about + $commands['action'] );
		}
	}

	/**
	 * Adds a command. A refusing database ends it with one line.
	 *
	 * @param string   $name  Its name.
	 * @param callable $work  See WORK.
	 * @param array    $about `{does, example, takes, prints, options?: schemas}`.
	 */
	private static function add( string $name, callable $work, array $about ): void {
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
				'shortdesc' => $about['does'],
				'synopsis'  => self::synopsis( $about['takes'], self::options( $about['options'] ?? array() ), $about['prints'] ),
				'longdesc'  => "## EXAMPLES\n\n    wp smi-bridge " . implode( "\n    wp smi-bridge ", (array) $about['example'] ),
			)
		);
	}

	/**
	 * Arguments of a command.
	 *
	 * @param string[] $takes  Names of arguments in schemas/commands.json, or of filters.
	 * @param array[]  $own    Name => argument.
	 * @param string   $prints Name of the argument that says how to print.
	 */
	private static function synopsis( array $takes, array $own, string $prints ): array {
		$known    = $own + Schemas::get( 'commands' )['arguments'] + self::options( Schemas::get( 'interfaces' )['list'] );
		$synopsis = array();
		foreach ( array_merge( $takes, array_keys( $own ), array( $prints ) ) as $name ) {
			$synopsis[] = $known[ $name ];
		}
		return $synopsis;
	}

	/**
	 * Options of REST as arguments, in English as all commands.
	 *
	 * @param array[] $schemas Name => JSON Schema.
	 * @return array[] Name => argument.
	 */
	private static function options( array $schemas ): array {
		$options = array();
		foreach ( $schemas as $name => $schema ) {
			$options[ $name ] = array(
				'type'        => 'boolean' === $schema['type'] ? 'flag' : 'assoc',
				'name'        => self::NAMES[ $name ] ?? $name,
				'description' => $schema['description'],
				'optional'    => true,
			) + ( isset( $schema['enum'] ) ? array( 'options' => $schema['enum'] ) : array() );
		}
		return $options;
	}
}
