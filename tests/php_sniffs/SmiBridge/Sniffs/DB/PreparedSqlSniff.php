<?php
/**
 * No variable gets into a statement but prepared: what is not a literal comes from an escaping call or an allow-list.
 */

namespace SmiBridge\Sniffs\DB;

use PHP_CodeSniffer\Files\File;
use PHP_CodeSniffer\Util\Tokens;
use SmiBridge\Check;

/**
 * Looks at the first argument of each call that runs SQL, and at those behind the values. A local variable counts as prepared when all that the function
 * puts into it is; a method of the same class when all that it returns is; a parameter of a private method when all its
 * calls give it what is.
 */
final class PreparedSqlSniff extends Check {

	const STANDS_IN_FOR = 'WordPress.DB.PreparedSQL';

	/** Methods that run SQL. @var string */
	public $runs = 'query, get_results, get_row, get_var, get_col, prepare';
	/** The bridge's own, as `Owner::name`. @var string */
	public $own = 'Sql::rows, Sql::row, Sql::run, Ledger::newest_where';
	/** Calls whose answer may stand in a statement, whatever they are given. @var string */
	public $prepared = 'prepare, esc_sql, intval, absint, Sql::table, Sql::value, Sql::in, Sql::utc';
	/** Calls that may stand in a statement when all that they are given may. @var string */
	public $transparent = 'implode, sprintf, str_replace, count, array_filter';
	/** Properties of $wpdb that are names. @var string */
	public $names = 'prefix, base_prefix, options, usermeta, posts, postmeta, users, blogs';

	public function register(): array {
		return array( T_STRING );
	}

	public function process( File $file, $at ): void {
		$method = $this->method( $file, $at );
		$called = substr( (string) strstr( $method, '->' ), 2 );
		$speaks = '' !== $called && in_array( $called, $this->listed( $this->runs ), true ) && ! in_array( strstr( $method, '->', true ), array( '$this' ), true );
		if ( ! $speaks && ! in_array( $method, $this->listed( $this->own ), true ) ) {
			return;
		}
		$arguments = $this->arguments( $file, $this->next( $file, $at + 1 ) );
		$values    = $speaks ? array_slice( $arguments, 1, null, true ) : array_slice( $arguments, 1, 1, true ); // Of ours, all but the second are SQL.
		foreach ( array_diff_key( $arguments, $values ) as $sql ) {
			foreach ( $this->doubtful( $file, $sql, array() ) as $doubt => $words ) {
				$this->report( $file, $doubt, 'NotPrepared', 'Not prepared, and in a statement: %s', array( $words ) );
			}
		}
	}

	/** Token => words of each piece of an expression that is not prepared. A condition is no piece. */
	private function doubtful( File $file, array $range, array $seen ): array {
		$then = $this->parts( $file, $range[0], $range[1], array( T_INLINE_THEN ) );
		if ( count( $then ) < 2 ) {
			$doubts = array();
			foreach ( $this->parts( $file, $range[0], $range[1], array( T_COMMA ) ) as $part ) {
				$doubts += $this->in_piece( $file, $part, $seen );
			}
			return $doubts;
		}
		$tokens = $file->getTokens();
		$pieces = $this->parts( $file, $then[1][0], $range[1], array( T_INLINE_THEN, T_INLINE_ELSE ) );
		$pieces = T_INLINE_ELSE === $tokens[ $then[1][0] ]['code'] ? array_merge( array( $then[0] ), $pieces ) : $pieces;
		$doubts = array();
		foreach ( $pieces as $piece ) {
			$doubts += $this->doubtful( $file, $piece, $seen );
		}
		return $doubts;
	}

	/** The same for what holds no branch. */
	private function in_piece( File $file, array $range, array $seen ): array {
		$tokens = $file->getTokens();
		$doubts = array();
		for ( $at = $range[0]; $at <= $range[1]; $at++ ) {
			$code = $tokens[ $at ]['code'];
			if ( T_DOUBLE_QUOTED_STRING === $code || T_HEREDOC === $code ) {
				$doubts += $this->in_text( $file, $at, $seen );
			} elseif ( T_VARIABLE === $code ) {
				list( $found, $at ) = $this->variable( $file, $at, $seen );
				$doubts            += $found;
			} elseif ( in_array( $code, array( T_STRING, T_NS_SEPARATOR, T_SELF, T_STATIC ), true ) ) {
				$doubts += $this->name( $file, $at, $seen );
				$at      = $this->past( $file, $at );
			} elseif ( T_INT_CAST === $code ) {
				$at = $this->end_of_operand( $file, $at, $range[1] );
			} elseif ( T_OPEN_PARENTHESIS === $code ) {
				$doubts += $this->doubtful( $file, array( $at + 1, $tokens[ $at ]['parenthesis_closer'] - 1 ), $seen );
				$at      = $tokens[ $at ]['parenthesis_closer'];
			}
		}
		return $doubts;
	}

	/** Variables within a string. */
	private function in_text( File $file, int $at, array $seen ): array {
		$text   = $file->getTokens()[ $at ]['content'];
		$doubts = array();
		preg_match_all( '/\{\$(?:[^{}]|\{[^}]*\})*\}|\$\{[^}]*\}|\$[A-Za-z_]\w*(?:->\w+|\[[^\]]*\])?/', $text, $found );
		foreach ( $found[0] as $piece ) {
			$name = trim( $piece, '{}' );
			if ( preg_match( '/^\$wpdb->(\w+)$/', $name, $parts ) && in_array( $parts[1], $this->listed( $this->names ), true ) ) {
				continue;
			}
			if ( preg_match( '/^\$this->(\w+)\(\)$/', $name, $parts ) && $this->returns_prepared( $file, $parts[1], $seen ) ) {
				continue;
			}
			$plain = 1 === preg_match( '/^\$\w+$/', $name );
			if ( ! $plain || $this->origin( $file, $at, $name, $seen ) ) {
				$doubts[ $at ] = $piece;
			}
		}
		return $doubts;
	}

	/** A variable in an expression: doubts, and the last token of it. */
	private function variable( File $file, int $at, array $seen ): array {
		$tokens   = $file->getTokens();
		$name     = $tokens[ $at ]['content'];
		$operator = $this->next( $file, $at + 1 );
		if ( '$GLOBALS' === $name ) {
			$operator = $this->next( $file, $tokens[ $operator ]['bracket_closer'] + 1 );
		}
		if ( T_OBJECT_OPERATOR === $tokens[ $operator ]['code'] ) {
			$property = $this->next( $file, $operator + 1 );
			$open     = $this->next( $file, $property + 1 );
			$is_call  = T_OPEN_PARENTHESIS === $tokens[ $open ]['code'];
			$word     = $tokens[ $property ]['content'];
			$allowed  = $is_call
				? array_intersect( array( $word, $name . '->' . $word ), $this->listed( $this->prepared ) )
				: array_intersect( array( $word ), $this->listed( $this->names ) );
			$end      = $is_call ? $tokens[ $open ]['parenthesis_closer'] : $property;
			if ( $is_call && '$this' === $name && $this->returns_prepared( $file, $word, $seen ) ) {
				return array( array(), $end );
			}
			return array( $allowed ? array() : array( $at => "$name->$word" ), $end );
		}
		if ( T_OPEN_SQUARE_BRACKET === $tokens[ $operator ]['code'] ) {
			return array( $this->origin( $file, $at, $name, $seen ) ? array( $at => $name ) : array(), $tokens[ $operator ]['bracket_closer'] );
		}
		return array( $this->origin( $file, $at, $name, $seen ) ? array( $at => $name ) : array(), $at );
	}

	/** A function, a static method, a constant. */
	private function name( File $file, int $at, array $seen ): array {
		$tokens = $file->getTokens();
		$end    = $this->past( $file, $at );
		$open   = $file->findNext( T_OPEN_PARENTHESIS, $at, $end + 1 );
		if ( false === $open ) {
			return array(); // A constant.
		}
		$name = preg_replace( '/^\\\\?(\w+\\\\)*/', '', preg_replace( '/\s+/', '', $file->getTokensAsString( $at, $open - $at ) ) );
		if ( in_array( $name, $this->listed( $this->prepared ), true ) ) {
			return array();
		}
		$arguments = $this->arguments( $file, $open );
		if ( preg_match( '/^(?:self|static)::(\w+)$/', $name, $parts ) && $this->returns_prepared( $file, $parts[1], $seen ) ) {
			return array();
		}
		if ( 'array_intersect' === $name ) {
			return $this->doubtful( $file, $arguments[0], $seen ); // Nothing is in it that is not in the first one.
		}
		if ( 'array_map' === $name ) {
			$by = preg_replace( '/\s+|^\'|\'$/', '', $file->getTokensAsString( $arguments[0][0], $arguments[0][1] - $arguments[0][0] + 1 ) );
			$by = preg_replace( '/^array\((\w+)::class,\'(\w+)\'\)$/', '$1::$2', $by );
			return in_array( $by, $this->listed( $this->prepared ), true ) ? array() : array( $at => "$name by $by" );
		}
		if ( ! in_array( $name, $this->listed( $this->transparent ), true ) ) {
			return array( $at => $name . '()' );
		}
		$doubts = array();
		foreach ( $arguments as $argument ) {
			$doubts += $this->doubtful( $file, $argument, $seen );
		}
		return $doubts;
	}

	/** The last token of a name, with its static method and its arguments. */
	private function past( File $file, int $at ): int {
		$tokens = $file->getTokens();
		$last   = $at;
		while ( true ) {
			$next = $this->next( $file, $last + 1 );
			if ( in_array( $tokens[ $next ]['code'], array( T_NS_SEPARATOR, T_DOUBLE_COLON, T_STRING ), true ) ) {
				$last = $next;
				continue;
			}
			return T_OPEN_PARENTHESIS === $tokens[ $next ]['code'] ? $tokens[ $next ]['parenthesis_closer'] : $last;
		}
	}

	/** The last token of what a cast is applied to. */
	private function end_of_operand( File $file, int $at, int $end ): int {
		$stop = array( T_STRING_CONCAT, T_COMMA, T_INLINE_ELSE, T_CLOSE_PARENTHESIS );
		return $this->parts( $file, $at, $end, $stop )[0][1];
	}

	/** Whether a method of this file exists and returns nothing that is not prepared. */
	private function returns_prepared( File $file, string $method, array $seen ): bool {
		if ( isset( $seen[ $method . '()' ] ) ) {
			return true; // Built up from itself.
		}
		$seen[ $method . '()' ] = true;
		$tokens                 = $file->getTokens();
		$function               = $this->declaration( $file, $method );
		if ( null === $function ) {
			return false;
		}
		$at = $tokens[ $function ]['scope_opener'];
		while ( false !== ( $at = $file->findNext( T_RETURN, $at + 1, $tokens[ $function ]['scope_closer'] ) ) ) {
			$end = $file->findNext( T_SEMICOLON, $at );
			if ( $file->getCondition( $at, T_CLOSURE ) || $this->doubtful( $file, array( $at + 1, $end - 1 ), $seen ) ) {
				return false;
			}
		}
		return true;
	}

	/** The method of that name with a body, or null. */
	private function declaration( File $file, string $method ): ?int {
		$at = 0;
		while ( false !== ( $at = $file->findNext( T_FUNCTION, $at + 1 ) ) ) {
			if ( $file->getDeclarationName( $at ) === $method && isset( $file->getTokens()[ $at ]['scope_opener'] ) ) {
				return $at;
			}
		}
		return null;
	}

	/** Whether a variable may hold something that is not prepared. */
	private function origin( File $file, int $at, string $name, array $seen ): bool {
		$function = $file->getCondition( $at, T_CLOSURE ) ?: $file->getCondition( $at, T_FUNCTION );
		$key      = $function . $name;
		if ( isset( $seen[ $key ] ) ) {
			return false; // Built up from itself.
		}
		$seen[ $key ] = true;
		$sources      = $this->assigned( $file, $function ? $file->getTokens()[ $function ]['scope_opener'] : 0, $at, $name );
		$given        = $function ? $this->given( $file, $function, $name ) : array();
		if ( null === $given || ! array_merge( $sources, $given ) ) {
			return true;
		}
		foreach ( array_merge( $sources, $given ) as $range ) {
			if ( $this->doubtful( $file, $range, $seen ) ) {
				return true;
			}
		}
		return false;
	}

	/** What a function puts into a variable: ranges of tokens. */
	private function assigned( File $file, int $start, int $at, string $name ): array {
		$tokens = $file->getTokens();
		$ranges = array();
		for ( $place = $start; $place < $at; $place++ ) {
			if ( T_VARIABLE !== $tokens[ $place ]['code'] || $name !== $tokens[ $place ]['content'] ) {
				continue;
			}
			$next = $this->next( $file, $place + 1 );
			if ( T_OPEN_SQUARE_BRACKET === $tokens[ $next ]['code'] ) {
				$next = $this->next( $file, $tokens[ $next ]['bracket_closer'] + 1 );
			}
			if ( in_array( $tokens[ $next ]['code'], Tokens::$assignmentTokens, true ) ) {
				$ranges[] = array( $this->next( $file, $next + 1 ), $file->findNext( T_SEMICOLON, $next ) - 1 );
			} elseif ( T_AS === $tokens[ $this->before( $file, $place ) ]['code'] ) {
				$loop     = $file->findPrevious( T_FOREACH, $place );
				$ranges[] = array( $tokens[ $loop ]['parenthesis_opener'] + 1, $this->before( $file, $place ) - 1 );
			}
		}
		return $ranges;
	}

	/** What the calls of a private method give a parameter; null when anybody may call; nothing when it is no parameter. */
	private function given( File $file, int $function, string $name ): ?array {
		$place = array_search( $name, array_column( $file->getMethodParameters( $function ), 'name' ), true );
		if ( false === $place ) {
			return array();
		}
		$tokens = $file->getTokens();
		if ( T_FUNCTION !== $tokens[ $function ]['code'] || 'private' !== $file->getMethodProperties( $function )['scope'] ) {
			return null;
		}
		$ranges = array();
		$method = $file->getDeclarationName( $function );
		foreach ( $tokens as $at => $token ) {
			if ( T_STRING === $token['code'] && $method === $token['content'] && preg_match( '/^(self::|static::|\$this->)/', $this->method( $file, $at ) ) ) {
				$arguments = $this->arguments( $file, $this->next( $file, $at + 1 ) );
				$ranges    = isset( $arguments[ $place ] ) ? array_merge( $ranges, array( $arguments[ $place ] ) ) : $ranges;
			}
		}
		return $ranges ? $ranges : null;
	}
}
