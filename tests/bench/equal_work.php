<?php
// Runs the checks of the equal-work baseline without WordPress: equal_work.php <source> <result, is moved or removed>. Prints the file to keep.

namespace {
	const ABSPATH = '/';

	function get_attached_file( $id ) {
		return $GLOBALS['argv'][1];
	}
}

namespace InRequestHandler {
	function note( $what, $job_id ) {
	}

	require __DIR__ . '/../../bench/in-request-handler/equal-work.php';

	$job = (object) array(
		'job_id'        => 'job',
		'attachment_id' => 1,
		'resolution'    => '4x',
		'image_width'   => 188,
		'image_height'  => 141,
	);
	echo checked_and_converted( $job, $argv[2] );
}
