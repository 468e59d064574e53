<?php
/**
 * Every handler of a form or an AJAX request asks for its nonce and for the right to do it, before it reads what was sent.
 */

namespace SmiBridge\Sniffs\Security;

use PHP_CodeSniffer\Files\File;
use PHP_CodeSniffer\Files\LocalFile;
use SmiBridge\Check;

/**
 * Learns the handlers from every file of the plugin that a file belongs to, follows them into other classes, and looks at REST routes as
 * well. A handler of `load-…` shows a page, as a rule: there, whatever method reads what was sent asks for itself.
 */
final class HandlersSniff extends Check {

	const STANDS_IN_FOR = 'WordPress.Security.NonceVerification';

	/** So many calls deep a handler is followed. */
	const DEPTH = 4;

	const SENT = array( '$_POST', '$_GET', '$_REQUEST', '$_FILES' );

	/** Calls that ask for both. @var string */
	public $both = 'Admin_Access::check_ajax, Admin_Access::check_form';
	/** Calls that ask for the nonce. @var string */
	public $nonce = 'check_ajax_referer, check_admin_referer, wp_verify_nonce';
	/** Calls that ask for the right. @var string */
	public $capability = 'current_user_can, Admin_Access::may';
	/** Calls that read which page is wanted, and nothing that is done. @var string */
	public $views = 'Request::query';

	/** Folder => its plugin. @var array */
	private $plugins = array();

	public function register(): array {
		return array( T_CLASS, T_STRING );
	}

	public function process( File $file, $at ): void {
		if ( T_STRING === $file->getTokens()[ $at ]['code'] ) {
			$this->called( $file, $at );
			return;
		}
		$name = (string) $file->getDeclarationName( $at );
		foreach ( $this->plugin( dirname( $file->getFilename() ) )['handlers'][ $name ] ?? array() as $method => $hook ) {
			$function = $this->function_of( $file, $at, $method );
			if ( null === $function ) {
				$this->report( $file, $at, 'Missing', '%s() handles %s and is not here', array( $method, $hook ) );
			} elseif ( 0 === strpos( $hook, 'load-' ) ) {
				$this->check_load( $file, $function, $hook );
			} else {
				$this->check( $file, $function, $hook );
			}
		}
	}

	/** A handler of a form or an AJAX request, or the method that its only statement hands everything to. */
	private function check( File $file, int $function, string $hook ): void {
		list( $at_file, $at, $depth ) = array( $file, $function, 0 );
		while ( $depth++ < self::DEPTH && null !== ( $inner = $this->handed_on( $at_file, $at ) ) ) {
			list( $at_file, $at ) = $inner;
		}
		$here  = $at_file->getFilename() === $file->getFilename();
		$found = $this->look_into( $at_file, $at );
		if ( null !== $found['early'] ) {
			$file->addError( 'The handler of %s reads what was sent before it asks who may', $here ? $found['early'] : $function, 'Early', array( $hook ) );
			return;
		}
		foreach ( array_diff( array( 'nonce', 'capability' ), $found['asked'] ) as $what ) {
			$file->addError( 'The handler of %s does not ask for its %s', $here ? $at : $function, ucfirst( $what ), array( $hook, $what ) );
		}
	}

	/** A handler of `load-…`: each method that it calls, however deep, asks for both if it reads what was sent. */
	private function check_load( File $file, int $function, string $hook ): void {
		$found = $this->look_into( $file, $function );
		if ( $found['reads'] && 2 !== count( $found['asked'] ) ) {
			$this->report( $file, $function, 'Load', 'The handler of %s reads what was sent and does not ask for nonce and right', array( $hook ) );
			return;
		}
		foreach ( $this->calls( $file, $function ) as $at => $inner ) {
			$reader = $this->reader( $inner[0], $inner[1], 1 );
			if ( null !== $reader ) {
				$this->report( $file, $at, 'Load', '%s() reads what was sent, for %s, and does not ask for nonce and right', array( $reader, $hook ) );
			}
		}
	}

	/** The name of a method that reads without asking: this one, or one that it calls; null: there is none. */
	private function reader( File $file, int $function, int $depth ): ?string {
		$found = $this->look_into( $file, $function );
		if ( 2 === count( $found['asked'] ) ) {
			return null;
		}
		if ( $found['reads'] ) {
			return (string) $file->getDeclarationName( $function );
		}
		foreach ( $depth < self::DEPTH ? $this->calls( $file, $function ) : array() as $inner ) {
			$reader = $this->reader( $inner[0], $inner[1], $depth + 1 );
			if ( null !== $reader ) {
				return $reader;
			}
		}
		return null;
	}

	/** What a function asks for, whether it reads what was sent, and where it does before it has asked who may. */
	private function look_into( File $file, int $function ): array {
		$tokens = $file->getTokens();
		$found  = array(
			'asked' => array(),
			'reads' => false,
			'early' => null,
		);
		for ( $at = $tokens[ $function ]['scope_opener']; $at < $tokens[ $function ]['scope_closer']; $at++ ) {
			if ( T_STRING === $tokens[ $at ]['code'] ) {
				$name = $this->method( $file, $at );
				$name = '' === $name && null !== $this->call( $file, $at ) ? $tokens[ $at ]['content'] : $name;
				foreach ( array( 'nonce', 'capability' ) as $what ) {
					if ( in_array( $name, $this->listed( $this->both . ',' . $this->$what ), true ) && ! in_array( $what, $found['asked'], true ) ) {
						$found['asked'][] = $what;
					}
				}
			}
			if ( T_VARIABLE === $tokens[ $at ]['code'] && in_array( $tokens[ $at ]['content'], self::SENT, true ) ) {
				$found['reads'] = true;
				$found['early'] = $found['early'] ?? ( in_array( 'capability', $found['asked'], true ) ? null : $at );
			}
		}
		return $found;
	}

	/** The method that a handler's only statement hands everything to: file and token; null when it does its work itself. */
	private function handed_on( File $file, int $function ): ?array {
		$tokens = $file->getTokens();
		$body   = trim( $file->getTokensAsString( $tokens[ $function ]['scope_opener'] + 1, $tokens[ $function ]['scope_closer'] - $tokens[ $function ]['scope_opener'] - 1 ) );
		if ( ! preg_match( '/^(?:return )?[\\\\\w]+::\w+\([^;]*\);$/', $body ) ) {
			return null;
		}
		$calls = $this->calls( $file, $function );
		return $calls ? reset( $calls ) : null;
	}

	/** Methods of the plugin's own classes that a function calls: token => file and token of the method. */
	private function calls( File $file, int $function ): array {
		$tokens = $file->getTokens();
		$calls  = array();
		for ( $at = $tokens[ $function ]['scope_opener']; $at < $tokens[ $function ]['scope_closer']; $at++ ) {
			$name = T_STRING === $tokens[ $at ]['code'] ? $this->method( $file, $at ) : '';
			if ( false === strpos( $name, '::' ) || in_array( $name, $this->listed( $this->views ), true ) ) {
				continue;
			}
			list( $class, $method ) = explode( '::', $name );
			$inner                  = in_array( $class, array( 'self', 'static' ), true ) ? $this->found_in( $file, $method ) : $this->found_in( $this->file_of( $file, $class ), $method );
			if ( null !== $inner && ( $inner[0] !== $file || $inner[1] !== $function ) ) {
				$calls[ $at ] = $inner;
			}
		}
		return $calls;
	}

	/** A method of a file's class: file and token; null: it is not there. */
	private function found_in( ?File $file, string $method ): ?array {
		$class    = $file ? $file->findNext( array( T_CLASS, T_TRAIT ), 0 ) : false;
		$function = false === $class ? null : $this->function_of( $file, $class, $method );
		return null === $function ? null : array( $file, $function );
	}

	private function function_of( File $file, int $class, string $method ): ?int {
		$tokens = $file->getTokens();
		for ( $at = $class; $at < $tokens[ $class ]['scope_closer']; $at++ ) {
			if ( T_FUNCTION === $tokens[ $at ]['code'] && isset( $tokens[ $at ]['scope_opener'] ) && $file->getDeclarationName( $at ) === $method ) {
				return $at;
			}
		}
		return null;
	}

	/** The file of one of the plugin's classes, as tokens; null: it is none of the plugin's. */
	private function file_of( File $file, string $class ): ?File {
		$folder = dirname( $file->getFilename() );
		$known  = $this->plugin( $folder )['files'][ $class ] ?? null;
		if ( is_string( $known ) ) {
			$known = new LocalFile( $known, $file->ruleset, $file->config );
			$known->parse();
			$this->plugins[ $folder ]['files'][ $class ] = $known;
		}
		return $known;
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

	/** The plugin of a folder: the nearest one above with `hooks*.php`. {handlers: class => method => hook, files: class => path}. */
	private function plugin( string $folder ): array {
		if ( ! isset( $this->plugins[ $folder ] ) ) {
			$above = dirname( $folder );
			$is_it = glob( $folder . '/hooks*.php' ) || glob( $folder . '/hooks*.inc' );

			$this->plugins[ $folder ] = $is_it || $above === $folder ? $this->read( $is_it ? $folder : '' ) : $this->plugin( $above );
		}
		return $this->plugins[ $folder ];
	}

	/** Reads a plugin's files. @param string $folder Its folder; '': there is no plugin. */
	private function read( string $folder ): array {
		$plugin = array(
			'handlers' => array(),
			'files'    => array(),
		);
		$every  = '' === $folder ? array() : new \RecursiveIteratorIterator( new \RecursiveDirectoryIterator( $folder, \FilesystemIterator::SKIP_DOTS ) );
		foreach ( $every as $path => $unused ) {
			if ( ! preg_match( '/\.(php|inc)$/', $path ) ) {
				continue;
			}
			$text = (string) file_get_contents( $path );
			$own  = preg_match( '/^(?:final |abstract )*class (\w+)/m', $text, $parts ) ? $parts[1] : '';
			if ( '' !== $own ) {
				$plugin['files'][ $own ] = $path;
			}
			$found = array();
			preg_match_all( "/add_action\(\s*'((?:(?:wp_ajax|admin_post|admin_action)_|load-)[^']*)'[^;]*?,\s*array\(\s*(?:\w*\\\\)*(\w+)::class,\s*'(\w+)'/", $text, $found, PREG_SET_ORDER );
			foreach ( $found as list( , $hook, $class, $method ) ) {
				$plugin['handlers'][ 'self' === $class ? $own : $class ][ $method ] = $hook;
			}
		}
		return $plugin;
	}
}
