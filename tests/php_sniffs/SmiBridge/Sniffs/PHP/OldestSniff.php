<?php
/**
 * Nothing that the oldest PHP and the oldest WordPress of the bridge do not know.
 */

namespace SmiBridge\Sniffs\PHP;

use PHP_CodeSniffer\Files\File;
use SmiBridge\Check;

/**
 * PHP 7.4's own parser is the judge of syntax (tests/php_versions); this one is there at once, and knows functions as well.
 */
final class OldestSniff extends Check {

	/** Token => what it is. */
	const SYNTAX = array(
		'T_MATCH'                    => 'match',
		'T_NULLSAFE_OBJECT_OPERATOR' => '?->',
		'T_ATTRIBUTE'                => 'an attribute',
		'T_PARAM_NAME'               => 'a named argument',
		'T_TYPE_UNION'               => 'a union of types',
		'T_TYPE_INTERSECTION'        => 'an intersection of types',
		'T_ENUM'                     => 'enum',
		'T_READONLY'                 => 'readonly',
	);

	/** Functions since PHP 8.0 that WordPress 6.1 does not make up for (it does for str_contains() and its kin). */
	const FUNCTIONS = array(
		'get_debug_type', 'get_resource_id', 'fdiv', 'preg_last_error_msg', 'array_is_list', 'fsync', 'fdatasync', 'enum_exists',
		'ini_parse_quantity', 'json_validate', 'mb_str_pad', 'str_increment', 'str_decrement', 'array_find', 'array_find_key', 'array_any',
		'array_all', 'mb_trim', 'mb_ltrim', 'mb_rtrim', 'mb_ucfirst', 'mb_lcfirst', 'bcdivmod', 'array_first', 'array_last', 'get_error_handler',
	);

	public function register(): array {
		return array_merge( array( T_STRING, T_FUNCTION, T_THROW, T_CATCH ), array_map( 'constant', array_filter( array_keys( self::SYNTAX ), 'defined' ) ) );
	}

	public function process( File $file, $at ): void {
		$token = $file->getTokens()[ $at ];
		foreach ( self::SYNTAX as $name => $words ) {
			if ( defined( $name ) && constant( $name ) === $token['code'] ) {
				$this->report( $file, $at, 'Syntax', 'PHP 7.4 does not know %s', array( $words ) );
				return;
			}
		}
		if ( T_STRING === $token['code'] ) {
			if ( in_array( strtolower( $token['content'] ), self::FUNCTIONS, true ) && null !== $this->call( $file, $at ) ) {
				$this->report( $file, $at, 'Function', 'PHP 7.4 does not know %s()', array( $token['content'] ) );
			}
			return;
		}
		if ( T_FUNCTION === $token['code'] ) {
			$this->declared( $file, $at );
			return;
		}
		$this->exception( $file, $at );
	}

	/** Types, commas and properties in the head of a function. */
	private function declared( File $file, int $at ): void {
		$token = $file->getTokens()[ $at ];
		$type  = ltrim( strtolower( $file->getMethodProperties( $at )['return_type'] ), '?' );
		if ( in_array( $type, array( 'mixed', 'static', 'never', 'false', 'true', 'null' ), true ) ) {
			$this->report( $file, $at, 'Type', 'PHP 7.4 does not know the type %s', array( $type ) );
		}
		foreach ( $file->getMethodParameters( $at ) as $parameter ) {
			if ( in_array( ltrim( strtolower( $parameter['type_hint'] ), '?' ), array( 'mixed', 'false', 'true', 'null' ), true ) ) {
				$this->report( $file, $parameter['token'], 'Type', 'PHP 7.4 does not know the type %s', array( $parameter['type_hint'] ) );
			}
			if ( isset( $parameter['property_visibility'] ) ) {
				$this->report( $file, $parameter['token'], 'Syntax', 'PHP 7.4 does not know properties in a constructor\'s head' );
			}
		}
		$last = $this->before( $file, $token['parenthesis_closer'] );
		if ( T_COMMA === $file->getTokens()[ $last ]['code'] ) {
			$this->report( $file, $last, 'Syntax', 'PHP 7.4 does not know a comma after the last parameter' );
		}
	}

	/** `throw` as an expression, `catch` without a variable. */
	private function exception( File $file, int $at ): void {
		$tokens = $file->getTokens();
		if ( T_CATCH === $tokens[ $at ]['code'] ) {
			if ( false === $file->findNext( T_VARIABLE, $tokens[ $at ]['parenthesis_opener'], $tokens[ $at ]['parenthesis_closer'] ) ) {
				$this->report( $file, $at, 'Syntax', 'PHP 7.4 does not know catch without a variable' );
			}
			return;
		}
		$before = $tokens[ $this->before( $file, $at ) ]['code'];
		$begins = array( T_SEMICOLON, T_OPEN_CURLY_BRACKET, T_CLOSE_CURLY_BRACKET, T_COLON, T_OPEN_TAG, T_CLOSE_PARENTHESIS, T_ELSE );
		if ( ! in_array( $before, $begins, true ) ) {
			$this->report( $file, $at, 'Syntax', 'PHP 7.4 does not know throw within an expression' );
		}
	}
}
