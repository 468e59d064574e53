<?php
/**
 * A stand-in for WP-CLI, which no package registry carries: wp.php --path=<root> --url=<address> <command words and arguments>.
 *
 * It knows what the bridge's commands use, as WP-CLI 2 does it: commands with a synopsis (positional, assoc, flag; default, options,
 * repeating; anything unknown is an error), line, log, success, warning, error, confirm, halt, print_value, format_items with table,
 * json, csv and yaml, a progress bar that is silent when the output is no terminal, exit status 1 after an error. No help, no
 * aliases, no packages. Where a real `wp` is on the PATH, the tests use that instead.
 *
 * phpcs:ignoreFile
 */

namespace WP_CLI\Dispatcher {
	class CommandNamespace {}
}

namespace WP_CLI {
	/** What make_progress_bar() returns when nobody looks. */
	class NoOp {
		public function tick() {}
		public function finish() {}
	}
}

namespace WP_CLI\Utils {
	function make_progress_bar( $message, $count ) {
		return new \WP_CLI\NoOp();
	}

	/** Items are rows (name => value), fields the columns. */
	function format_items( $format, $items, $fields ) {
		foreach ( $fields as $field ) {
			if ( $items && ! array_filter( $items, static fn( $item ) => array_key_exists( $field, $item ) ) ) {
				\WP_CLI::error( "Invalid field: $field." );
			}
		}
		$rows = array_map( static fn( $item ) => array_replace( array_fill_keys( $fields, null ), array_intersect_key( $item, array_flip( $fields ) ) ), $items );
		if ( 'json' === $format ) {
			echo json_encode( $rows );
		} elseif ( 'yaml' === $format ) {
			echo "---\n";
			foreach ( $rows as $row ) {
				echo "- \n";
				foreach ( $row as $name => $value ) {
					echo "  $name: " . ( is_scalar( $value ) ? var_export( $value, true ) : json_encode( $value ) ) . "\n";
				}
			}
		} elseif ( 'csv' === $format ) {
			fputcsv( STDOUT, $fields, ',', '"', '' );
			foreach ( $rows as $row ) {
				fputcsv( STDOUT, $row, ',', '"', '' );
			}
		} elseif ( 'table' === $format ) {
			foreach ( array_merge( array( $fields ), $rows ) as $row ) {
				echo implode( "\t", array_map( 'strval', $row ) ) . "\n";
			}
		} else {
			\WP_CLI::error( "Invalid format: $format" );
		}
	}
}

namespace {
	class WP_CLI {
		/** Name => {callable, synopsis}. */
		private static $commands = array();

		public static function add_command( $name, $callable, $args = array() ) {
			self::$commands[ $name ] = array( $callable, $args['synopsis'] ?? array() );
		}

		public static function line( $message = '' ) {
			echo $message . "\n";
		}

		public static function log( $message ) {
			echo $message . "\n";
		}

		public static function success( $message ) {
			echo "Success: $message\n";
		}

		public static function warning( $message ) {
			fwrite( STDERR, "Warning: $message\n" );
		}

		public static function error( $message ) {
			fwrite( STDERR, "Error: $message\n" );
			exit( 1 );
		}

		public static function halt( $status ) {
			exit( $status );
		}

		public static function confirm( $question, $named = array() ) {
			if ( empty( $named['yes'] ) ) {
				echo "$question [y/n] ";
				if ( 'y' !== strtolower( trim( (string) fgets( STDIN ) ) ) ) {
					exit;
				}
			}
		}

		public static function print_value( $value, $named = array() ) {
			echo ( 'json' === ( $named['format'] ?? '' ) ? json_encode( $value ) : "---\n" . var_export( $value, true ) ) . "\n";
		}

		/** Finds the longest command that the words name, checks its arguments, runs it. */
		public static function run( array $words ) {
			$positional = array();
			$named      = array();
			foreach ( $words as $word ) {
				if ( preg_match( '/^--no-([^=]+)$/', $word, $found ) ) {
					$named[ $found[1] ] = false;
				} elseif ( preg_match( '/^--([^=]+)(?:=(.*))?$/s', $word, $found ) ) {
					$named[ $found[1] ] = $found[2] ?? true;
				} else {
					$positional[] = $word;
				}
			}
			for ( $size = count( $positional ); $size > 1; $size-- ) {
				$name = implode( ' ', array_slice( $positional, 0, $size ) );
				if ( isset( self::$commands[ $name ] ) ) {
					list( $callable, $synopsis ) = self::$commands[ $name ];
					$positional                  = array_slice( $positional, $size );
					$callable( $positional, self::checked( $synopsis, $positional, $named ) );
					return;
				}
			}
			self::error( "'" . implode( ' ', $positional ) . "' is not a registered wp command." );
		}

		private static function checked( array $synopsis, array $positional, array $named ) {
			$places   = array_filter( $synopsis, static fn( $argument ) => 'positional' === $argument['type'] );
			$required = count( array_filter( $places, static fn( $argument ) => empty( $argument['optional'] ) ) );
			if ( count( $positional ) < $required ) {
				self::line( 'usage: …' );
				exit( 1 );
			}
			if ( count( $positional ) > count( $places ) && ! array_filter( $places, static fn( $argument ) => ! empty( $argument['repeating'] ) ) ) {
				self::error( 'Too many positional arguments: ' . implode( ' ', array_slice( $positional, count( $places ) ) ) );
			}
			$known = array_column( $synopsis, null, 'name' );
			foreach ( $named as $name => $value ) {
				$argument = $known[ $name ] ?? null;
				if ( ! $argument || 'positional' === $argument['type'] ) {
					self::error( "Parameter errors:\n unknown --$name parameter" );
				}
				if ( 'assoc' === $argument['type'] && true === $value ) {
					self::error( "Parameter errors:\n --$name parameter needs a value" );
				}
				if ( isset( $argument['options'] ) && ! in_array( $value, $argument['options'], true ) ) {
					self::error( "Parameter errors:\n Invalid value specified for '$name'" );
				}
			}
			foreach ( $synopsis as $argument ) {
				if ( 'assoc' === $argument['type'] && isset( $argument['default'] ) ) {
					$named += array( $argument['name'] => $argument['default'] );
				}
			}
			return $named;
		}
	}

	$words = array_slice( $argv, 1 );
	$path  = substr( array_shift( $words ), strlen( '--path=' ) );
	$url   = substr( array_shift( $words ), strlen( '--url=' ) );
	define( 'WP_CLI', true );
	$_SERVER['HTTP_HOST']       = parse_url( $url, PHP_URL_HOST ) . ':' . parse_url( $url, PHP_URL_PORT );
	$_SERVER['REQUEST_URI']     = '/';
	$_SERVER['REQUEST_METHOD']  = 'GET';
	$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
	$_SERVER['REMOTE_ADDR']     = '127.0.0.1';
	require $path . '/wp-load.php';
	WP_CLI::run( $words );
}
