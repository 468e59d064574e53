<?php
/**
 * Prints every translatable string of the PHP files named on the command line, as JSON: [{id, plural, comment, file, line}].
 *
 * Reads PHP's own tokens, so that no comment and no string of another text domain is taken for one of ours.
 */

const FUNCTIONS = array( '__', '_e', 'esc_html__', 'esc_html_e', 'esc_attr__', 'esc_attr_e', '_n' );

$found = array();
foreach ( array_slice( $argv, 1 ) as $file ) {
	$tokens  = token_get_all( file_get_contents( $file ) );
	$comment = '';
	foreach ( $tokens as $at => $token ) {
		if ( is_array( $token ) && T_COMMENT === $token[0] && preg_match( '#translators:\s*(.+?)\s*(?:\*/)?$#s', $token[1], $said ) ) {
			$comment = $said[1];
		}
		if ( ! is_array( $token ) || T_STRING !== $token[0] || ! in_array( $token[1], FUNCTIONS, true ) || '(' !== ( $tokens[ $at + 1 ] ?? '' ) ) {
			continue;
		}
		$strings = array();
		$depth   = 0;
		for ( $next = $at + 1; isset( $tokens[ $next ] ); $next++ ) {
			$depth += '(' === $tokens[ $next ] ? 1 : ( ')' === $tokens[ $next ] ? -1 : 0 );
			if ( 0 === $depth ) {
				break;
			}
			if ( 1 === $depth && is_array( $tokens[ $next ] ) && T_CONSTANT_ENCAPSED_STRING === $tokens[ $next ][0] ) {
				$strings[] = strtr( substr( $tokens[ $next ][1], 1, -1 ), array( "\\'" => "'", '\\\\' => '\\' ) );
			}
		}
		if ( 'smi-bridge' === end( $strings ) && count( $strings ) > 1 ) {
			$found[] = array(
				'id'      => $strings[0],
				'plural'  => '_n' === $token[1] ? $strings[1] : null,
				'comment' => $comment,
				'file'    => $file,
				'line'    => $token[2],
			);
		}
		$comment = '';
	}
}
echo json_encode( $found, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR );
