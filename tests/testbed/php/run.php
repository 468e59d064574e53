<?php
/**
 * Runs code inside WordPress: run.php <site URL> <result file>, the code on standard input, in the site's root.
 * What the code returns goes into the result file as JSON. Exit status 1, and the reason on standard error, when it
 * throws or does not come to its end (wp_die, exit).
 */

[ , $smi_testbed_url, $smi_testbed_result ] = $argv;
$_SERVER['HTTP_HOST']       = parse_url( $smi_testbed_url, PHP_URL_HOST ) . ':' . parse_url( $smi_testbed_url, PHP_URL_PORT );
$_SERVER['REQUEST_URI']     = '/';
$_SERVER['REQUEST_METHOD']  = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['REMOTE_ADDR']     = '127.0.0.1';

$smi_testbed_finished = false;
register_shutdown_function(
	static function () {
		if ( ! $GLOBALS['smi_testbed_finished'] ) {
			$error = error_get_last();
			fwrite( fopen( 'php://stderr', 'w' ), $error ? $error['message'] . ' in ' . $error['file'] . ':' . $error['line'] : 'the code did not come to its end' );
			exit( 1 );
		}
	}
);
// WordPress' own page for fatal errors would hide the reason.
define( 'WP_SANDBOX_SCRAPING', true );
require getcwd() . '/wp-load.php';
add_filter(
	'wp_die_handler',
	static fn() => static function ( $message ) {
		throw new RuntimeException( 'wp_die: ' . ( is_wp_error( $message ) ? $message->get_error_message() : $message ) );
	}
);
try {
	$smi_testbed_value = eval( file_get_contents( 'php://stdin' ) );
} catch ( Throwable $smi_testbed_error ) {
	$smi_testbed_finished = true;
	fwrite( fopen( 'php://stderr', 'w' ), (string) $smi_testbed_error );
	exit( 1 );
}
file_put_contents( $smi_testbed_result, json_encode( $smi_testbed_value, JSON_THROW_ON_ERROR ) );
$smi_testbed_finished = true;
if ( isset( $smi_testbed_end ) ) {
	register_shutdown_function( // the last of them: an error in one before ends them all
		static function () {
			$GLOBALS['smi_testbed_end']->well = true;
		}
	);
}
