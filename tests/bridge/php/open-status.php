<?php
/**
 * The bridge's own status tokens without WordPress: open-status.php <plugin folder>, the vectors on standard input; verdicts as one JSON.
 */

define( 'ABSPATH', '/' );
require $argv[1] . '/includes/core/class-signature.php';
require $argv[1] . '/includes/core/class-status-token.php';

use SmiBridge\Core\Signature;
use SmiBridge\Core\Status_Token;

$vectors = json_decode( stream_get_contents( STDIN ), true, 512, JSON_THROW_ON_ERROR );
$keys    = array();
foreach ( $vectors['secrets'] as $text ) {
	$keys[] = Signature::direction_key( Signature::decode_secret( $text ), Status_Token::PURPOSE );
}
$opens = array();
foreach ( $vectors['cases'] as $case ) {
	$opens[] = Status_Token::opens( $keys, $case['token'], $case['job_id'], $case['now'], $vectors['site'] );
}
echo json_encode( array( 'made' => Status_Token::make( $keys[0], $vectors['made']['job_id'], $vectors['made']['end'], $vectors['site'] ), 'opens' => $opens ) );
