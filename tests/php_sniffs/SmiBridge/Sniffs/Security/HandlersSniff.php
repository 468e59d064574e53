<?php
/**
 * Every handler of a form or an AJAX request asks for its nonce and for the right to do it, before it reads what was sent.
 */

namespace SmiBridge\Sniffs\Security;

use PHP_CodeSniffer\Files\File;
use SmiBridge\Check;

/**
 * Learns the handlers from the `hooks*.php` of the plugin that a file belongs to; looks at REST routes as well.
 */
final class HandlersSniff extends Check {

	const STANDS_IN_FOR = 'WordPress.Security.NonceVerification';

	/** Calls that ask for both. @var string */
	public $both = 'Admin_Access::check_ajax, Admin_Access::check_form';
	/** Calls that ask for the nonce. @var string */
	public $nonce = 'check_ajax_referer, check_admin_referer, wp_verify_nonce';
	/** Calls that ask for the right. @var string */
	public $capability = 'current_user_can, Admin_Access::may';

	/** Folder => class => its methods that are handlers. @var array */
	private $handlers = array();

	public function register(): array {
		return array( T_CLASS, T_STRING );
	}

	public function process( File $file, $at ): void {
		if ( T_STRING === $file->getTokens()[ $at ]['code'] ) {
			$this->called( $file, $at );
			return;
		}
		$name = (string) $file->getDeclarationName( $at );
		foreach ( $this->handlers_for( dirname( $file->getFilename() ) )[ $name ] ?? array() as $method => $hook ) {
			$this->look( $file, $at, $method, $hook );
		}
	}

	private function look( File $file, int $class, string $method, string $hook ): void {
		$tokens = $file->getTokens();
		for ( $at = $class; $at < $tokens[ $class ]['scope_closer']; $at++ ) {
			if ( T_FUNCTION === $tokens[ $at ]['code'] && $file->getDeclarationName( $at ) === $method ) {
				$this->look_into( $file, $at, $hook );
				return;
			}
		}
		$this->report( $file, $class, 'Missing', '%s() handles %s and is not here', array( $method, $hook ) );
	}

	private function look_into( File $file, int $function, string $hook ): void {
		$tokens = $file->getTokens();
		$inner  = $this->handed_on( $file, $function );
		if ( null !== $inner ) {
			$this->look_into( $file, $inner, $hook );
			return;
		}
		$asked = array();
		for ( $at = $tokens[ $function ]['scope_opener']; $at < $tokens[ $function ]['scope_closer']; $at++ ) {
			if ( T_STRING === $tokens[ $at ]['code'] ) {
				$name = $this->method( $file, $at );
				$name = '' === $name && null !== $this->call( $file, $at ) ? $tokens[ $at ]['content'] : $name;
				foreach ( array( 'nonce', 'capability' ) as $what ) {
					if ( in_array( $name, $this->listed( $this->both . ',' . $this->$what ), true ) ) {
						$asked[ $what ] = true;
					}
				}
			}
			$reads = T_VARIABLE === $tokens[ $at ]['code'] && in_array( $tokens[ $at ]['content'], array( '$_POST', '$_GET', '$_REQUEST', '$_FILES' ), true );
			if ( $reads && ! isset( $asked['capability'] ) ) {
				$file->addError( 'The handler of %s reads what was sent before it asks who may', $at, 'Early', array( $hook ) );
				return;
			}
		}
		foreach ( array_diff( array( 'nonce', 'capability' ), array_keys( $asked ) ) as $what ) {
			$file->addError( 'The handler of %s does not ask for its %s', $function, ucfirst( $what ), array( $hook, $what ) );
		}
	}

	/** The private method that a handler's only statement hands everything to; null when it does its work itself. */
	private function handed_on( File $file, int $function ): ?int {
		$tokens = $file->getTokens();
		$body   = trim( $file->getTokensAsString( $tokens[ $function ]['scope_opener'] + 1, $tokens[ $function ]['scope_closer'] - $tokens[ $function ]['scope_opener'] - 1 ) );
		if ( ! preg_match( '/^self::(\w+)\([^;]*\);$/', $body, $parts ) ) {
			return null;
		}
		for ( $at = 0; $at < $file->numTokens; $at++ ) {
			if ( T_FUNCTION === $tokens[ $at ]['code'] && $at !== $function && $file->getDeclarationName( $at ) === $parts[1] ) {
				return $at;
			}
		}
		return null;
	}

	/** Routes say who may; handlers for strangers are none of ours. */
	private function called( File $file, int $at ): void {
		$tokens = $file->getTokens();
		$name   = $tokens[ $at ]['content'];
		$open   = in_array( $name, array( 'register_rest_route', 'add_action' ), true ) ? $this->call( $file, $at ) : null;
		if ( null === $open ) {
			return;
		}
		$close = $tokens[ $open ]['parenthesis_closer'];
		$hook  = (string) $this->literal( $file, $this->arguments( $file, $open )[0] ?? array( $open, $open ) );
		if ( 'add_action' === $name && preg_match( '/^(wp_ajax|admin_post)_nopriv_/', $hook ) ) {
			$this->report( $file, $at, 'Strangers', '%s lets strangers in', array( $hook ) );
		}
		if ( 'register_rest_route' !== $name ) {
			return;
		}
		$permission = $file->findNext( T_CONSTANT_ENCAPSED_STRING, $open, $close, false, "'permission_callback'" );
		if ( false === $permission ) {
			$file->addError( 'The route says not who may: permission_callback is missing', $at, 'Permission' );
			return;
		}
		$anybody = $file->findNext( T_CONSTANT_ENCAPSED_STRING, $permission, $close, false, "'__return_true'" );
		$reason  = false === $anybody ? true : $file->findNext( T_COMMENT, $anybody, $close );
		if ( false !== $anybody && ( false === $reason || $tokens[ $reason ]['line'] !== $tokens[ $anybody ]['line'] ) ) {
			$file->addError( 'Anybody may use this route, and no comment says why', $anybody, 'Anybody' );
		}
	}

	/** The handlers that the nearest `hooks*.php` above a folder name. */
	private function handlers_for( string $folder ): array {
		if ( ! isset( $this->handlers[ $folder ] ) ) {
			$lists = array_merge( (array) glob( $folder . '/hooks*.php' ), (array) glob( $folder . '/hooks*.inc' ) );
			$above = dirname( $folder );
			$this->handlers[ $folder ] = $lists || $above === $folder ? $this->read( $lists ) : $this->handlers_for( $above );
		}
		return $this->handlers[ $folder ];
	}

	private function read( array $lists ): array {
		$handlers = array();
		foreach ( $lists as $list ) {
			$found = array();
			preg_match_all( "/add_action\(\s*'((?:wp_ajax|admin_post|admin_action)_[^']+)',\s*array\(\s*(?:\w*\\\\)*(\w+)::class,\s*'(\w+)'/", (string) file_get_contents( $list ), $found, PREG_SET_ORDER );
			foreach ( $found as list( , $hook, $class, $method ) ) {
				$handlers[ $class ][ $method ] = $hook;
			}
		}
		return $handlers;
	}
}
