<?php
/**
 * A file that is asked for by its own address does nothing: its first statement sees to it.
 */

namespace SmiBridge\Sniffs\Files;

use PHP_CodeSniffer\Files\File;
use SmiBridge\Check;

/**
 * Namespaces and imports may come before.
 */
final class DirectAccessSniff extends Check {

	public function register(): array {
		return array( T_OPEN_TAG );
	}

	public function process( File $file, $at ): int {
		$tokens = $file->getTokens();
		$first  = $this->next( $file, $at + 1 );
		while ( false !== $first && in_array( $tokens[ $first ]['code'], array( T_NAMESPACE, T_USE ), true ) ) {
			$first = $this->next( $file, $file->findNext( T_SEMICOLON, $first ) + 1 );
		}
		$end   = false === $first ? $at : $file->findNext( T_SEMICOLON, $first );
		$words = false === $first ? '' : $file->getTokensAsString( $first, $end - $first );
		if ( ! preg_match( '/^defined\( \'(ABSPATH|WP_UNINSTALL_PLUGIN)\' \) \|\| exit$/', trim( $words ) ) ) {
			$this->report( $file, $at, 'Unguarded', 'The first statement is to be: defined( \'ABSPATH\' ) || exit;' );
		}
		return $file->numTokens;
	}
}
