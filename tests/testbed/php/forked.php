<?php
/**
 * Runs scripts, each in a fork of this process: what was compiled for those before it is there.
 *
 * The call is forked.php <socket>, in the site's root. One connection for each script: it takes a line of JSON
 * (`script`, `arguments`, and `folder` with the files `in`, `out`, `err`), and gets the exit status when the script has
 * ended, or the negative signal.
 */

/** Ends a script that sets `$well` at once: unloading PHP's modules takes longer than most scripts. */
final class Smi_Testbed_End {
	/**
	 * Whether the script came to its end.
	 *
	 * @var bool
	 */
	public $well = false;

	/** After the last shutdown function. */
	public function __destruct() {
		if ( $this->well ) {
			while ( ob_get_level() ) {
				ob_end_flush();
			}
			posix_kill( getmypid(), SIGUSR1 );
		}
	}
}

$smi_testbed_server = stream_socket_server( 'unix://' . $argv[1] );
while ( true ) {
	$smi_testbed_peer = @stream_socket_accept( $smi_testbed_server, 3600 );
	while ( pcntl_waitpid( -1, $smi_testbed_status, WNOHANG ) > 0 ) {
		continue;
	}
	if ( ! $smi_testbed_peer || pcntl_fork() ) {
		$smi_testbed_peer = null;
		continue;
	}
	$smi_testbed_order = json_decode( (string) fgets( $smi_testbed_peer ), true );
	if ( ! $smi_testbed_order ) {
		exit;
	}
	$smi_testbed_child = pcntl_fork();
	if ( $smi_testbed_child ) {
		pcntl_waitpid( $smi_testbed_child, $smi_testbed_status );
		$smi_testbed_signal = pcntl_wifexited( $smi_testbed_status ) ? 0 : pcntl_wtermsig( $smi_testbed_status );
		fwrite( $smi_testbed_peer, SIGUSR1 === $smi_testbed_signal ? 0 : pcntl_wexitstatus( $smi_testbed_status ) - $smi_testbed_signal );
		posix_kill( getmypid(), SIGKILL );
	}
	break;
}

// The script is required out here, as WordPress wants its variables to be global. Closed first, the three standard
// streams give their numbers to the three files.
fclose( $smi_testbed_peer );
fclose( $smi_testbed_server );
fclose( STDIN );
fclose( STDOUT );
fclose( STDERR );
$smi_testbed_streams = array(
	fopen( $smi_testbed_order['folder'] . '/in', 'r' ),
	fopen( $smi_testbed_order['folder'] . '/out', 'w' ),
	fopen( $smi_testbed_order['folder'] . '/err', 'w' ),
);
$argv                = array_merge( array( $smi_testbed_order['script'] ), $smi_testbed_order['arguments'] );
$argc                = count( $argv );

$_SERVER['argv']               = $argv;
$_SERVER['argc']               = $argc;
$_SERVER['REQUEST_TIME']       = time();
$_SERVER['REQUEST_TIME_FLOAT'] = microtime( true );
$smi_testbed_end               = new Smi_Testbed_End();
require $argv[0];
