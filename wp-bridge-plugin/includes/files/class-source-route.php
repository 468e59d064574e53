<?php
/**
 * Endpoint for sources that are not public, fetched by the sidecar and by Upsampler: `/?smi-bridge=source&job=…&token=…`.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Files;

use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Site;
use SmiBridge\Core\Status_Token;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * The sidecar makes the token, as a status token but with another key, for some hours. A token opens the source of one job of the ledger,
 * within the uploads folder (Source_Place), or the one copy that it names (`&copy=`). All refusals look the same.
 */
final class Source_Route {

	const PURPOSE = 'source';

	/** Hook `init`: sends the file, or a refusal. */
	public static function answer(): void {
		if ( 'source' !== Request::query( 'smi-bridge' ) || ! Request::is_by( 'GET', 'HEAD' ) ) {
			return;
		}
		$job_id = Request::query( 'job' );
		$copy   = Request::query( 'copy' );
		$what   = '' === $copy ? $job_id : $job_id . '/' . $copy; // No job's id has a slash.
		$opens  = Status_Token::opens( Settings::keys( self::PURPOSE ), Request::query( 'token' ), $what, time(), Site::hash() );
		$path   = $opens ? self::path( $job_id, $copy ) : null;
		if ( null === $path ) {
			Request::answer( $opens ? 404 : 403, '' ); // 404 tells the sidecar that the source is gone: the money goes back.
			exit;
		}
		$file = Served_File::open( $path );
		if ( null === $file ) {
			Request::answer( 503, '' ); // It is there, and may not be read now: no reason to give the money back.
			exit;
		}
		$type = wp_check_filetype( $path )['type'];
		$etag = dechex( (int) filemtime( $path ) ) . '-' . dechex( (int) filesize( $path ) );
		// The second header tells the sidecar that no wall has answered in our place: these are the file's own bytes.
		Served_File::send( $file, $etag, array( 'Content-Type' => $type ? $type : 'application/octet-stream', 'Smi-Bridge' => 'source' ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/** Where the source of a job of the ledger, or the sidecar's copy of it, lies, or null. @param string $job_id The shop's id. @param string $copy The copy, or ''. */
	private static function path( string $job_id, string $copy ): ?string {
		if ( '' !== $copy ) {
			return Stored_Files::copy_of( $job_id, $copy );
		}
		$job  = Ledger::newest( $job_id ) ? Shop::job( $job_id ) : null;
		$path = $job['source']['path'] ?? null;
		$file = null === $path ? '' : wp_get_upload_dir()['basedir'] . '/' . $path;
		return is_file( $file ) ? $file : null;
	}
}
