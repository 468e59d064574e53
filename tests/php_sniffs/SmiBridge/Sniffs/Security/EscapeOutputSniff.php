<?php
/**
 * What is printed is escaped where it is printed.
 */

namespace SmiBridge\Sniffs\Security;

use PHP_CodeSniffer\Files\File;
use SmiBridge\Check;

/**
 * Looks at echo, print, `<?=`, exit with words, printf, and functions that print translations as they are.
 */
final class EscapeOutputSniff extends Check {

	const STANDS_IN_FOR = 'WordPress.Security.EscapeOutput';

	/** Functions whose answer may be printed. @var string */
	public $safe = 'esc_html, esc_attr, esc_url, esc_js, esc_textarea, esc_xml, esc_html__, esc_attr__, esc_html_x, esc_attr_x, wp_kses, wp_kses_post, wp_kses_data,
		absint, intval, count, number_format_i18n, wp_json_encode, wp_nonce_field, wp_get_attachment_image, get_submit_button, wp_create_nonce, tag_escape';

	/** Functions whose answer may be printed when all that they are given may. @var string */
	public $transparent = 'sprintf, implode, str_repeat, trim, max, min, nl2br';

	/** Static methods whose answer may be printed, as `Owner::name`. @var string */
	public $own = '';

	public function register(): array {
		return array( T_ECHO, T_PRINT, T_OPEN_TAG_WITH_ECHO, T_EXIT, T_STRING );
	}

	public function process( File $file, $at ): void {
		$tokens = $file->getTokens();
		if ( T_STRING === $tokens[ $at ]['code'] ) {
			$this->called( $file, $at );
			return;
		}
		if ( T_EXIT === $tokens[ $at ]['code'] ) {
			$open = $this->next( $file, $at + 1 );
			if ( false !== $open && T_OPEN_PARENTHESIS === $tokens[ $open ]['code'] ) {
				$this->all( $file, $this->arguments( $file, $open ) );
			}
			return;
		}
		$end = $file->findNext( array( T_SEMICOLON, T_CLOSE_TAG ), $at + 1 );
		while ( false !== $end && T_SEMICOLON === $tokens[ $end ]['code'] && $this->is_deeper( $tokens[ $end ], $tokens[ $at ] ) ) {
			$end = $file->findNext( array( T_SEMICOLON, T_CLOSE_TAG ), $end + 1 );
		}
		$this->all( $file, $this->parts( $file, $at + 1, $end - 1, array( T_COMMA ) ) );
	}

	/** Whether a semicolon belongs to a function within the statement. */
	private function is_deeper( array $semicolon, array $start ): bool {
		return count( $semicolon['conditions'] ) > count( $start['conditions'] );
	}

	/** Functions that print. */
	private function called( File $file, int $at ): void {
		$name = strtolower( $file->getTokens()[ $at ]['content'] );
		$open = in_array( $name, array( 'printf', 'vprintf', '_e', '_ex' ), true ) ? $this->call( $file, $at ) : null;
		if ( null === $open ) {
			return;
		}
		if ( '_' === $name[0] ) {
			$this->report( $file, $at, 'Translation', '%s() prints a translation as it is: use esc_html_e() or esc_attr_e()', array( $name ) );
			return;
		}
		$this->all( $file, $this->arguments( $file, $open ) );
	}

	private function all( File $file, array $ranges ): void {
		foreach ( $ranges as $range ) {
			$this->look( $file, $range );
		}
	}

	/** Looks at an expression: each branch, each piece. */
	private function look( File $file, array $range ): void {
		$tokens = $file->getTokens();
		$then   = $this->parts( $file, $range[0], $range[1], array( T_INLINE_THEN ) );
		if ( count( $then ) > 1 ) {
			$branches = $this->parts( $file, $then[1][0], $range[1], array( T_INLINE_THEN, T_INLINE_ELSE ) );
			$this->all( $file, $branches ); // A condition within a branch counts as printed: put brackets around it.
			return;
		}
		$pieces = $this->parts( $file, $range[0], $range[1], array( T_STRING_CONCAT, T_COALESCE ) );
		if ( count( $pieces ) > 1 ) {
			$this->all( $file, $pieces );
			return;
		}
		list( $first, $last ) = $pieces[0] ?? $range;
		if ( T_OPEN_PARENTHESIS === $tokens[ $first ]['code'] && $this->next( $file, $tokens[ $first ]['parenthesis_closer'] + 1, $last + 1 ) === false ) {
			$this->all( $file, $this->parts( $file, $first + 1, $tokens[ $first ]['parenthesis_closer'] - 1, array( T_COMMA ) ) );
			return;
		}
		if ( ! $this->is_safe( $file, $first, $last ) ) {
			$words = trim( $file->getTokensAsString( $first, min( 12, $last - $first + 1 ) ) );
			$this->report( $file, $first, 'NotEscaped', 'What is printed is not escaped: %s', array( $words ) );
		}
	}

	private function is_safe( File $file, int $first, int $last ): bool {
		$tokens = $file->getTokens();
		switch ( $tokens[ $first ]['code'] ) {
			case T_CONSTANT_ENCAPSED_STRING:
			case T_LNUMBER:
			case T_DNUMBER:
			case T_INT_CAST:
			case T_DOUBLE_CAST:
			case T_BOOL_CAST:
				return true;
			case T_STRING:
			case T_NS_SEPARATOR:
			case T_SELF:
				return $this->is_safe_name( $file, $first, $last );
		}
		return false;
	}

	/** A constant, or the call of a function that escapes. */
	private function is_safe_name( File $file, int $first, int $last ): bool {
		$tokens = $file->getTokens();
		$open   = $file->findNext( T_OPEN_PARENTHESIS, $first, $last + 1 );
		if ( false === $open ) {
			return 1 === preg_match( '/(^|::)[A-Z][A-Z0-9_]*$/', trim( $file->getTokensAsString( $first, $last - $first + 1 ) ) );
		}
		$name = preg_replace( '/^\\\\?(\w+\\\\)*/', '', trim( $file->getTokensAsString( $first, $open - $first ) ) );
		if ( false !== $this->next( $file, $tokens[ $open ]['parenthesis_closer'] + 1, $last + 1 ) ) {
			return false;
		}
		if ( in_array( $name, $this->listed( $this->safe ), true ) || in_array( $name, $this->listed( $this->own ), true ) ) {
			return true;
		}
		if ( 'array_map' === $name ) {
			$by = $this->literal( $file, $this->arguments( $file, $open )[0] );
			return in_array( $by, $this->listed( $this->safe ), true );
		}
		if ( in_array( $name, $this->listed( $this->transparent ), true ) ) {
			$this->all( $file, $this->arguments( $file, $open ) );
			return true;
		}
		return false;
	}
}
