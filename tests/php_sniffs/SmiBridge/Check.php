<?php
/**
 * What the sniffs share: calls, their arguments, parts of an expression, and excuses.
 */

namespace SmiBridge;

use PHP_CodeSniffer\Files\File;
use PHP_CodeSniffer\Sniffs\Sniff;
use PHP_CodeSniffer\Util\Tokens;

/**
 * A sniff. It honours the `phpcs:` comments that name the sniff of the WordPress standard that it stands in for.
 */
abstract class Check implements Sniff {

	/** The code of the WordPress standard whose `phpcs:ignore` and `phpcs:disable` count here. */
	const STANDS_IN_FOR = '';

	/** Reports an error, unless a comment on the line excuses it. */
	protected function report( File $file, int $at, string $code, string $words, array $data = array() ): void {
		if ( ! $this->is_excused( $file, $file->getTokens()[ $at ]['line'] ) ) {
			$file->addError( $words, $at, $code, $data );
		}
	}

	/** Whether a comment names our code, or one that holds it. */
	private function is_excused( File $file, int $line ): bool {
		$named = $file->tokenizer->ignoredLines[ $line ] ?? array();
		$code  = static::STANDS_IN_FOR;
		while ( '' !== $code ) {
			if ( isset( $named[ $code ] ) ) {
				return true;
			}
			$code = substr( $code, 0, (int) strrpos( $code, '.' ) );
		}
		return false;
	}

	/** The next token that is code, or false. */
	protected function next( File $file, int $from, ?int $end = null ) {
		return $file->findNext( Tokens::$emptyTokens, $from, $end, true );
	}

	/** The token before that is code, or false. */
	protected function before( File $file, int $at ) {
		return $file->findPrevious( Tokens::$emptyTokens, $at - 1, null, true );
	}

	/** The bracket that opens the arguments when the T_STRING at `$at` is the name of a function that is called; else null. */
	protected function call( File $file, int $at ): ?int {
		$tokens = $file->getTokens();
		$before = $this->before( $file, $at );
		$open   = $this->next( $file, $at + 1 );
		$other  = array( T_OBJECT_OPERATOR, T_DOUBLE_COLON, T_FUNCTION, T_NEW );
		if ( false !== $before && in_array( $tokens[ $before ]['code'], $other, true ) ) {
			return null;
		}
		return false !== $open && T_OPEN_PARENTHESIS === $tokens[ $open ]['code'] ? $open : null;
	}

	/** `Owner::name` or `$object->name` when the T_STRING at `$at` is a method that is called; else ''. */
	protected function method( File $file, int $at ): string {
		$tokens   = $file->getTokens();
		$operator = $this->before( $file, $at );
		$open     = $this->next( $file, $at + 1 );
		if ( false === $operator || ! in_array( $tokens[ $operator ]['code'], array( T_OBJECT_OPERATOR, T_DOUBLE_COLON ), true )
			|| false === $open || T_OPEN_PARENTHESIS !== $tokens[ $open ]['code'] ) {
			return '';
		}
		$owner = $this->before( $file, $operator );
		return trim( $tokens[ $owner ]['content'], '\\' ) . $tokens[ $operator ]['content'] . $tokens[ $at ]['content'];
	}

	/**
	 * The parts of a range, cut at tokens of the given kinds that stand in no bracket of it.
	 *
	 * @return int[][] First and last token of each; parts without code are left out.
	 */
	protected function parts( File $file, int $start, int $end, array $cuts ): array {
		$tokens = $file->getTokens();
		$parts  = array();
		$from   = $start;
		for ( $at = $start; $at <= $end; $at++ ) {
			$close = $tokens[ $at ]['parenthesis_closer'] ?? $tokens[ $at ]['bracket_closer'] ?? $tokens[ $at ]['scope_closer'] ?? 0;
			if ( in_array( $tokens[ $at ]['code'], $cuts, true ) ) {
				$parts[] = array( $from, $at - 1 );
				$from    = $at + 1;
			} elseif ( $close > $at && $close <= $end ) {
				$at = $close;
			}
		}
		$parts[] = array( $from, $end );
		$filled  = array();
		foreach ( $parts as list( $first, $last ) ) {
			$code = $first <= $last ? $this->next( $file, $first, $last + 1 ) : false;
			if ( false !== $code ) {
				$filled[] = array( $code, $last );
			}
		}
		return $filled;
	}

	/** The arguments of a call, by its opening bracket: first and last token of each. */
	protected function arguments( File $file, int $open ): array {
		$close = $file->getTokens()[ $open ]['parenthesis_closer'];
		return $this->parts( $file, $open + 1, $close - 1, array( T_COMMA ) );
	}

	/** The text of a range that is one string without variables; else null. */
	protected function literal( File $file, array $range ): ?string {
		$tokens = $file->getTokens();
		$last   = $file->findPrevious( Tokens::$emptyTokens, $range[1], $range[0], true );
		if ( $last !== $range[0] || T_CONSTANT_ENCAPSED_STRING !== $tokens[ $last ]['code'] ) {
			return null;
		}
		return substr( $tokens[ $last ]['content'], 1, -1 );
	}

	/** A property of the ruleset as a list: `a, b, c`. */
	protected function listed( string $property ): array {
		return array_filter( array_map( 'trim', explode( ',', $property ) ), 'strlen' );
	}
}
