<?php
/** What the vectors of tests/vectors/cdn.json get: by way of signing, signed addresses; and which keys are taken. */
function cdn_links( string $file ): array {
	$vectors = json_decode( file_get_contents( $file ), true, 512, JSON_THROW_ON_ERROR );
	$found   = array( 'keys' => array_map( array( 'SmiBridge\Core\Cdn_Links', 'is_key' ), array_column( $vectors['keys'], 'key' ) ) );
	foreach ( array( 'secure-link' => 'remote_addr', 'bunny' => '', 'cloudfront' => 'key_id' ) as $signing => $further ) {
		foreach ( $vectors[ $signing ] as $case ) {
			$arguments           = array( $case['url'], $case['key'], $case['end'] );
			$arguments           = isset( $case[ $further ] ) ? array_merge( $arguments, array( $case[ $further ] ) ) : $arguments;
			$found[ $signing ][] = call_user_func_array( array( 'SmiBridge\Core\Cdn_Links', strtr( $signing, '-', '_' ) ), $arguments );
		}
	}
	$found['no_key'] = SmiBridge\Core\Cdn_Links::cloudfront( 'https://cdn.example/a', 'a key of some length', 1, 'K1' );
	return $found;
}
