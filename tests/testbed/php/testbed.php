<?php
/**
 * Plugin Name: Testbed
 * Description: Answers WordPress' questions to wordpress.org (updates, news) with "nothing new". Changes nothing else.
 *
 * @package SmiTestbed
 */

add_filter(
	'pre_http_request',
	static function ( $answer, $arguments, $url ) {
		$host = (string) wp_parse_url( $url, PHP_URL_HOST );
		if ( ! preg_match( '/(^|\.)(wordpress\.org|w\.org|gravatar\.com)$/', $host ) ) {
			return $answer;
		}
		return array(
			'headers'  => array(),
			'body'     => '{"offers":[],"plugins":[],"themes":[],"translations":[],"no_update":[],"events":[]}',
			'response' => array(
				'code'    => 200,
				'message' => 'OK',
			),
			'cookies'  => array(),
			'filename' => null,
		);
	},
	10,
	3
);
