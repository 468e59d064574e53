<?php
/**
 * The parts of the bridge that need no database, on real vectors: reads /job.json, prints what each part said as JSON.
 * Real WordPress around them, without its database (no-database.php).
 */

error_reporting( E_ALL );
$job        = json_decode( file_get_contents( '/job.json' ), true, 512, JSON_THROW_ON_ERROR );
$complaints = array();
set_error_handler(
	static function ( $number, $words, $file, $line ) use ( &$complaints ) {
		$ours = 0 === strpos( $file, '/content/plugins/' );
		foreach ( debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS ) as $frame ) {
			$ours = $ours || 0 === strpos( $frame['file'] ?? '', '/content/plugins/' );
		}
		if ( $ours && ( error_reporting() & $number ) ) {
			$complaints[] = "$words in $file:$line";
		}
		return true;
	}
);

define( 'ABSPATH', '/wordpress/' );
define( 'WP_CONTENT_DIR', '/content' );
define( 'WP_CONTENT_URL', 'https://shop.example/content' );
define( 'WP_ADMIN', true ); // The hooks of the admin's pages, too.
define( 'WP_INSTALLING', true ); // Nobody asks the database whether there is a site.
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '/tmp/debug.log' );
define( 'DB_NAME', '' );
define( 'DB_USER', '' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', '' );
$_SERVER      = array(
	'HTTP_HOST'       => 'shop.example',
	'REQUEST_URI'     => '/',
	'REQUEST_METHOD'  => 'GET',
	'SERVER_PROTOCOL' => 'HTTP/1.1',
	'REMOTE_ADDR'     => '127.0.0.1',
) + $_SERVER;
$table_prefix = 'wp_';

require ABSPATH . 'wp-includes/plugin.php';
foreach ( $job['options'] as $name => $value ) {
	add_filter(
		'pre_option_' . $name,
		static function () use ( $value ) {
			return $value;
		}
	);
}
add_filter( 'smi_bridge_log_to_php', '__return_false' );
require ABSPATH . 'wp-settings.php';
require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';
require '/scripts/wp-cli.php';
require '/scripts/cdn-links.php';
require '/content/plugins/smi-bridge/smi-bridge.php';
foreach ( $job['names'] as $short => $class ) {
	class_alias( $class, $short );
}

/** What is wrong with the signature of each case, and what we would have signed. */
function signatures( array $cases ): array {
	$verdicts = array();
	foreach ( $cases as $case ) {
		$body = base64_decode( $case['body'], true );
		$keys = array();
		foreach ( $case['secrets'] as $text ) {
			$secret = Signature::decode_secret( $text );
			if ( null !== $secret ) {
				$keys[] = $case['direction'] ? Signature::direction_key( $secret, $case['direction'] ) : $secret;
			}
		}
		$verdicts[] = array(
			'keys'  => array_map( 'bin2hex', $keys ),
			'fault' => Signature::fault( $keys, $case['headers'], $body, $case['now'] ),
			'sign'  => $keys ? Signature::sign( $keys[0], $case['headers']['webhook-id'] ?? '', (int) ( $case['headers']['webhook-timestamp'] ?? 0 ), $body ) : '',
		);
	}
	return $verdicts;
}

/** Which vectors of messages the schemas judge otherwise than the vectors say. */
function misjudged( string $file ): array {
	$wrong = array();
	foreach ( json_decode( file_get_contents( $file ) ) as $direction => $types ) {
		foreach ( is_object( $types ) ? $types : array() as $type => $lists ) {
			foreach ( array( 'valid', 'invalid' ) as $kind ) {
				foreach ( $lists->$kind as $vector ) {
					$fault = Schemas::fault( 'valid' === $kind ? $vector : $vector->data, "$direction/$type" );
					if ( ( '' === $fault ) !== ( 'valid' === $kind ) ) {
						$wrong[] = array( $direction, $type, $kind, $vector->why ?? '', $fault );
					}
				}
			}
		}
	}
	return $wrong;
}

/** Which vectors of the rule "delayed" are judged otherwise than they say. */
function mistimed( string $file ): array {
	$wrong = array();
	foreach ( json_decode( file_get_contents( $file ), true )['cases'] as $case ) {
		$delayed = States::is_delayed( $case['state'], Reasons::holds( $case['reason'] ), null !== $case['reason'], $case['stage_s'] );
		if ( $delayed !== $case['delayed'] ) {
			$wrong[] = $case['why'];
		}
	}
	return $wrong;
}

/** State => where it may go. */
function steps(): array {
	$steps = array();
	$all   = array_keys( States::all() );
	foreach ( $all as $from ) {
		$steps[ $from ] = array_values(
			array_filter(
				$all,
				static function ( $to ) use ( $from ) {
					return States::may_go( $from, $to );
				}
			)
		);
	}
	return $steps;
}

/** Subject, HTML and text of each kind of mail, in the current language. */
function mails( array $kinds, array $facts ): array {
	$mails = array();
	foreach ( $kinds as $kind => $changes ) {
		$mail           = Mail::compose( $kind, $changes + $facts );
		$mails[ $kind ] = array( $mail->subject, $mail->html(), $mail->text() );
	}
	return $mails;
}

/** Every class of the plugin, loaded as its own autoloader does. */
function classes( array $files ): array {
	$loaded = array();
	foreach ( $files as $file ) {
		require_once $file;
	}
	foreach ( array_merge( get_declared_classes(), get_declared_interfaces() ) as $name ) {
		$class = new ReflectionClass( $name );
		if ( 0 === strpos( (string) $class->getFileName(), '/content/plugins/' ) ) {
			$loaded[ $class->getName() ] = true; // Also reached by its short name.
		}
	}
	return array_keys( $loaded );
}

/** Hook => the callbacks of ours that nobody can call; and how many there are. */
function callbacks(): array {
	$number = 0;
	$broken = array();
	foreach ( $GLOBALS['wp_filter'] as $hook => $listeners ) {
		foreach ( array_merge( ...$listeners->callbacks ) as $listener ) {
			$callback = $listener['function'];
			$class    = is_array( $callback ) && is_string( $callback[0] ) ? $callback[0] : '';
			if ( 0 === strpos( $class, 'SmiBridge\\' ) ) {
				++$number;
				if ( ! is_callable( $callback ) ) {
					$broken[ $hook ][] = implode( '::', $callback );
				}
			}
		}
	}
	return array( $number, $broken );
}

$said               = array( 'php' => PHP_VERSION );
$said['classes']    = classes( $job['classes'] );
$said['callbacks']  = callbacks();
$said['signatures'] = signatures( $job['signatures'] );
$said['misjudged']  = misjudged( '/vectors/messages.json' );
$said['mistimed']   = mistimed( '/vectors/delayed.json' );
$said['cdn_links']  = cdn_links( '/vectors/cdn.json' );
$said['steps']      = steps();
$said['settled']    = States::where_settled( true );
$said['door']       = array();
foreach ( $job['requests'] as $request ) {
	$said['door'][] = Messages_Endpoint::answer( $request['headers'], base64_decode( $request['body'], true ) );
}
$said['mails'] = array( 'en_US' => mails( $job['mails'], $job['facts'] ) );
load_textdomain( 'smi-bridge', '/content/plugins/smi-bridge/languages/smi-bridge-de_DE.mo', 'de_DE' );
$said['mails']['de_DE'] = mails( $job['mails'], $job['facts'] );
require '/content/plugins/provoke.php'; // A complaint that must be noticed.
$said['statements']     = $GLOBALS['wpdb']->ours;
$said['complaints']     = $complaints;
ob_end_clean();
echo "\x1e" . json_encode( $said, JSON_THROW_ON_ERROR | JSON_PARTIAL_OUTPUT_ON_ERROR );
exit;
