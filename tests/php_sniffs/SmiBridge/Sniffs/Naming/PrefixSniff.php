<?php
/**
 * What everybody shares bears our prefix: hooks, options, transients, constants, functions, and variables of templates.
 */

namespace SmiBridge\Sniffs\Naming;

use PHP_CodeSniffer\Files\File;
use SmiBridge\Check;

/**
 * Looks at names that are literals, and at what a file declares outside of the bridge's namespace.
 */
final class PrefixSniff extends Check {

	const STANDS_IN_FOR = 'WordPress.NamingConventions.PrefixAllGlobals';

	/** Functions whose first argument is such a name. */
	const NAMED = array(
		'do_action', 'do_action_ref_array', 'apply_filters', 'apply_filters_ref_array', 'add_option', 'update_option', 'delete_option',
		'set_transient', 'delete_transient', 'set_site_transient', 'define', 'add_shortcode', 'register_block_type', 'wp_register_script',
		'wp_register_style', 'wp_enqueue_script', 'wp_enqueue_style', 'register_rest_route',
	);

	/** Names of others that the bridge uses on purpose. @var string */
	public $others = '';

	public function register(): array {
		return array( T_STRING, T_FUNCTION, T_CLASS, T_INTERFACE, T_VARIABLE );
	}

	public function process( File $file, $at ): void {
		$tokens = $file->getTokens();
		switch ( $tokens[ $at ]['code'] ) {
			case T_STRING:
				$this->named( $file, $at );
				break;
			case T_VARIABLE:
				$this->variable( $file, $at );
				break;
			case T_FUNCTION:
				if ( ! $tokens[ $at ]['conditions'] && ! preg_match( '/^smi_bridge_/', (string) $file->getDeclarationName( $at ) ) && ! $this->is_ours( $file, $at ) ) {
					$this->report( $file, $at, 'Function', 'A function for everybody is called smi_bridge_…' );
				}
				break;
			default:
				if ( ! $this->is_ours( $file, $at ) ) {
					$this->report( $file, $at, 'Class', 'A class of the bridge stands in its namespace' );
				}
		}
	}

	private function named( File $file, int $at ): void {
		$function = $file->getTokens()[ $at ]['content'];
		$open     = in_array( $function, self::NAMED, true ) ? $this->call( $file, $at ) : null;
		$first    = null === $open ? null : $this->arguments( $file, $open )[0] ?? null;
		$name     = null === $first ? null : $this->beginning( $file, $first );
		if ( null !== $name && ! preg_match( '/^(smi[_-]bridge|SMI_BRIDGE)([_\/-]|$)/', $name ) && ! in_array( $name, $this->listed( $this->others ), true ) ) {
			$this->report( $file, $at, 'Name', '%s( \'%s\' ): the name is not ours', array( $function, $name ) );
		}
	}

	/** The literal that a name begins with, or null when it begins with something else. */
	private function beginning( File $file, array $range ): ?string {
		$token = $file->getTokens()[ $range[0] ];
		return T_CONSTANT_ENCAPSED_STRING === $token['code'] ? substr( $token['content'], 1, -1 ) : null;
	}

	/** A variable of a file, outside of functions and classes, is everybody's in a template. */
	private function variable( File $file, int $at ): void {
		$tokens = $file->getTokens();
		$next   = $this->next( $file, $at + 1 );
		$set    = T_EQUAL === $tokens[ $next ]['code'] || T_AS === $tokens[ $this->before( $file, $at ) ]['code'];
		$scopes = array_intersect( $tokens[ $at ]['conditions'], array( T_FUNCTION, T_CLOSURE, T_CLASS, T_FN ) );
		if ( $set && ! $scopes && ! preg_match( '/^\$(smib_|smi_bridge_)/', $tokens[ $at ]['content'] ) ) {
			$this->report( $file, $at, 'Variable', '%s is everybody\'s variable: $smib_… is ours', array( $tokens[ $at ]['content'] ) );
		}
	}

	private function is_ours( File $file, int $at ): bool {
		$namespace = $file->findPrevious( T_NAMESPACE, $at );
		return false !== $namespace && 'SmiBridge' === $file->getTokens()[ $this->next( $file, $namespace + 1 ) ]['content'];
	}
}
