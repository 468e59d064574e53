<?php
/**
 * The bridge's own signature code without WordPress: verify.php <plugin folder>, cases on standard input, one JSON a line; verdicts as one JSON.
 */

define( 'ABSPATH', '/' );
require $argv[1] . '/includes/core/class-time-limits.php';
require $argv[1] . '/includes/core/class-signature.php';

use SmiBridge\Core\Signature;

$verdicts = array();
while ( false !== ( $line = fgets( STDIN ) ) ) {
	$case = json_decode( $line, true, 512, JSON_THROW_ON_ERROR );
	$keys = array();
	foreach ( $case['secrets'] as $text ) {
		$secret = Signature::decode_secret( $text );
		if ( null !== $secret ) {
			$keys[] = $case['direction'] ? Signature::direction_key( $secret, $case['direction'] ) : $secret;
		}
	}
	$verdicts[] = array(
		'keys'  => array_map( 'bin2hex', $keys ),
		'fault' => Signature::fault( $keys, $case['headers'], base64_decode( $case['body'], true ), $case['now'] ),
		'sign'  => $keys ? Signature::sign( $keys[0], $case['headers']['webhook-id'] ?? '', (int) ( $case['headers']['webhook-timestamp'] ?? 0 ), base64_decode( $case['body'], true ) ) : '',
	);
}
echo json_encode( $verdicts, JSON_THROW_ON_ERROR );
