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
 * well. A handler of `load-…` shows a page, as a rule: there, whatever method reads what was sent asks for itself. What is asked in one
 * branch is not asked in the other.
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
		if ( $found['unasked'] ) {
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
		if ( $found['unasked'] ) {
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

	/** What a function asks for in any case, whether it reads where it has not asked for both, and where it reads before it has asked who may. */
	private function look_into( File $file, int $function ): array {
		$tokens = $file->getTokens();
		$asks   = array(
			'nonce'      => array(),
			'capability' => array(),
		);
		$reads  = array();
		$early  = null;
		for ( $at = $tokens[ $function ]['scope_opener']; $at < $tokens[ $function ]['scope_closer']; $at++ ) {
			if ( T_STRING === $tokens[ $at ]['code'] ) {
				$name = $this->method( $file, $at );
				$name = '' === $name && null !== $this->call( $file, $at ) ? $tokens[ $at ]['content'] : $name;
				foreach ( array_keys( $asks ) as $what ) {
					if ( in_array( $name, $this->listed( $this->both . ',' . $this->$what ), true ) ) {
						$asks[ $what ][] = $this->branches( $file, $function, $at );
					}
				}
			}
			if ( T_VARIABLE === $tokens[ $at ]['code'] && in_array( $tokens[ $at ]['content'], self::SENT, true ) ) {
				$early = $early ?? ( $asks['capability'] ? null : $at );
				if ( ! $this->is_looked_for( $file, $at ) ) {
					$reads[] = $this->branches( $file, $function, $at );
				}
			}
		}
		$found = array(
			'asked'   => array(),
			'unasked' => false,
			'early'   => $early,
		);
		foreach ( $asks as $what => $places ) {
			$places = $this->lifted( $file, $function, $places );
			if ( $this->covers( $places, array() ) ) {
				$found['asked'][] = $what;
			}
			foreach ( $reads as $read ) {
				$found['unasked'] = $found['unasked'] || ! $this->covers( $places, $read );
			}
		}
		return $found;
	}

	/** The branches of a function in which a token stands: what may not be run. */
	private function branches( File $file, int $function, int $at ): array {
		$branches = array();
		foreach ( $file->getTokens()[ $at ]['conditions'] as $scope => $kind ) {
			if ( $scope > $function && T_TRY !== $kind ) {
				$branches[] = $scope;
			}
		}
		return $branches;
	}

	/** Whether one of these places is run wherever those branches are. */
	private function covers( array $places, array $branches ): bool {
		foreach ( $places as $place ) {
			if ( ! array_diff( $place, $branches ) ) {
				return true;
			}
		}
		return false;
	}

	/** The places, and where they amount to one: an `if` whose branches all have one, with an `else` at the end. Inner ones come first. */
	private function lifted( File $file, int $function, array $places ): array {
		$tokens = $file->getTokens();
		for ( $at = $tokens[ $function ]['scope_closer']; $at > $tokens[ $function ]['scope_opener']; $at-- ) {
			if ( T_IF !== $tokens[ $at ]['code'] || ! isset( $tokens[ $at ]['scope_closer'] ) ) {
				continue;
			}
			$around = $this->branches( $file, $function, $at );
			$branch = $at;
			while ( false !== $branch && isset( $tokens[ $branch ]['scope_closer'] ) && $this->covers( $places, array_merge( $around, array( $branch ) ) ) ) {
				if ( T_ELSE === $tokens[ $branch ]['code'] ) {
					$places[] = $around;
					break;
				}
				$next   = $this->next( $file, $tokens[ $branch ]['scope_closer'] + 1 );
				$branch = false !== $next && in_array( $tokens[ $next ]['code'], array( T_ELSEIF, T_ELSE ), true ) ? $next : false;
			}
		}
		return $places;
	}

	/** Whether a variable is only looked for, in isset() or empty(). */
	private function is_looked_for( File $file, int $at ): bool {
		foreach ( array_keys( $file->getTokens()[ $at ]['nested_parenthesis'] ?? array() ) as $open ) {
			$before = $this->before( $file, $open );
			if ( false !== $before && in_array( $file->getTokens()[ $before ]['code'], array( T_ISSET, T_EMPTY ), true ) ) {
				return true;
			}
		}
		return false;
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
