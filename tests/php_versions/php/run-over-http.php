<?php
/**
 * Runs the code in the request's body inside WordPress and answers with what it returned, as JSON after a record separator.
 */

define( 'WP_SANDBOX_SCRAPING', true ); // WordPress' own page for fatal errors would hide the reason.
$smi_tests_code = file_get_contents( 'php://input' );
require __DIR__ . '/wp-load.php';
if ( ! hash_equals( SMI_TESTS_KEY, $_SERVER['HTTP_X_TESTS_KEY'] ?? '' ) ) {
	exit( 'the key is missing' );
}
if ( ! $smi_tests_code ) {
	exit( 'the request has no body' );
}
try {
	$smi_tests_value = eval( $smi_tests_code );
} catch ( Throwable $smi_tests_error ) {
	exit( (string) $smi_tests_error );
}
echo "\x1e" . json_encode( $smi_tests_value, JSON_THROW_ON_ERROR );
