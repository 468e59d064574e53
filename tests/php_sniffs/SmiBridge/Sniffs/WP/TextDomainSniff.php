<?php
/**
 * Every translatable string is one literal of the bridge's own text domain.
 */

namespace SmiBridge\Sniffs\WP;

use PHP_CodeSniffer\Files\File;
use SmiBridge\Check;

/**
 * Looks at the translating functions of WordPress.
 */
final class TextDomainSniff extends Check {

	const STANDS_IN_FOR = 'WordPress.WP.I18n';
	const DOMAIN        = 'smi-bridge';

	/** Function => place of the domain, and how many literals come first. */
	const FUNCTIONS = array(
		'__'          => array( 1, 1 ),
		'_e'          => array( 1, 1 ),
		'esc_html__'  => array( 1, 1 ),
		'esc_html_e'  => array( 1, 1 ),
		'esc_attr__'  => array( 1, 1 ),
		'esc_attr_e'  => array( 1, 1 ),
		'_x'          => array( 2, 2 ),
		'_ex'         => array( 2, 2 ),
		'esc_html_x'  => array( 2, 2 ),
		'esc_attr_x'  => array( 2, 2 ),
		'_n'          => array( 3, 2 ),
		'_nx'         => array( 4, 2 ),
		'_n_noop'     => array( 2, 2 ),
		'_nx_noop'    => array( 3, 3 ),
	);

	public function register(): array {
		return array( T_STRING );
	}

	public function process( File $file, $at ): void {
		$name = $file->getTokens()[ $at ]['content'];
		$open = isset( self::FUNCTIONS[ $name ] ) ? $this->call( $file, $at ) : null;
		if ( null === $open ) {
			return;
		}
		list( $place, $literals ) = self::FUNCTIONS[ $name ];
		$arguments                = $this->arguments( $file, $open );
		if ( self::DOMAIN !== ( isset( $arguments[ $place ] ) ? $this->literal( $file, $arguments[ $place ] ) : null ) ) {
			$this->report( $file, $at, 'Domain', '%s() is to be given the text domain ' . self::DOMAIN, array( $name ) );
		}
		foreach ( array_slice( $arguments, 0, $literals ) as $argument ) {
			if ( null === $this->literal( $file, $argument ) ) {
				$this->report( $file, $at, 'Literal', '%s() is to be given a literal, which translators find', array( $name ) );
			}
		}
	}
}
