<?php
/**
 * Endpoint for the customer's download, where no sidecar hands the file out: `/?smi-bridge=download&job=…&token=…`.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Site;
use SmiBridge\Files\Cdn;
use SmiBridge\Files\Served_File;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Jobs\Download_Link;
use SmiBridge\Jobs\Downloads;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * The token is the one that stands in the ledger, and what it opens is what the sidecar's door would open: permitted, not expired, not
 * revoked, there. Any number of times; the first is noted.
 */
final class Download_Route {

	const TYPES = array( 'jpg' => 'image/jpeg', 'png' => 'image/png', 'webp' => 'image/webp' ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing

	/** Constant of wp-config.php. */
	const SENDFILE = 'SMI_BRIDGE_SENDFILE';

	/** `init`, when there are words. */
	public static function answer(): void {
		if ( 'download' !== Request::query( 'smi-bridge' ) || ! Request::is_by( 'GET', 'HEAD' ) ) {
			return;
		}
		Private_Answer::mark();
		try {
			$row = self::opened( Request::query( 'job' ), Request::query( 'token' ) );
		} catch ( Database_Error $error ) {
			Log::write( 'download_not_looked_up', $error->getMessage() );
			$row = 'away';
		}
		if ( is_array( $row ) ) {
			self::send( $row );
		} else {
			self::refuse( $row );
		}
	}

	/**
	 * The attempt whose file a token opens, or a word for why it opens none.
	 *
	 * @param string $job_id From the address.
	 * @param string $token  From the address.
	 * @return array|string
	 */
	private static function opened( string $job_id, string $token ) {
		$row = Download_Link::opened( Ledger::attempts( $job_id ), $job_id, $token, Site::hash(), Settings::link_keys(), time() );
		return is_array( $row ) && null === Stored_Files::size( (string) $row['path'] ) ? self::not_there( $row['path'] ) : $row;
	}

	/** The word for a file that can’t be sent. @param string $name As in the ledger. */
	private static function not_there( string $name ): string {
		return Stored_Files::is_away() || null !== Stored_Files::size( $name ) ? 'away' : 'missing'; // What may not be read is not gone.
	}

	/** The first download of it is written down; where the database refuses, the customer gets the file all the same. @param array $row A ledger row. */
	private static function note( array $row ): void {
		try {
			if ( Request::is_by( 'GET' ) ) {
				Downloads::by_link( $row );
			}
		} catch ( Database_Error $error ) {
			Log::write( 'download_not_noted', $error->getMessage() );
		}
	}

	/** Sends the file, or says why not, and ends the request. @param array $row A ledger row. */
	private static function send( array $row ): void {
		$path  = (string) Stored_Files::path( $row['path'] );
		$end   = pathinfo( $path, PATHINFO_EXTENSION );
		$job   = Status_Access::job( $row['job_id'] );
		$title = trim( mb_substr( (string) preg_replace( '/[\x00-\x1f\x7f<>:"\/\\\\|?*\s]+/u', ' ', $job ? wp_strip_all_tags( (string) Shop::title( $job ) ) : '' ), 0, 80 ), ' .' );
		$name  = ( '' === $title ? 'image' : $title ) . ( $job ? " {$job['factor']}x" : '' ) . '.' . $end;
		$etag  = Download_Link::is_as_delivered( $row, (int) Stored_Files::size( $row['path'] ) ) ? $row['sha256'] : '';
		$there = '' === $etag || headers_sent() ? '' : Cdn::address( $row['path'], substr( $etag, 0, 12 ), $name );
		if ( '' !== $there ) {
			self::note( $row );
			Served_File::send_on( $there ); // Range and If-Range are the client's to repeat there, as all do.
		}
		$plain = preg_replace( '/[^\x20-\x7e]/', '', remove_accents( $name ) );
		$about = array(
			'Content-Type'        => self::TYPES[ $end ],
			'Content-Disposition' => "attachment; filename=\"$plain\"; filename*=UTF-8''" . rawurlencode( $name ),
		);
		$header = self::header_for_web_server( $path, $row['path'] );
		if ( '' !== $header ) {
			self::note( $row );
			Served_File::leave_to_web_server( $header, '' === $etag ? Served_File::version( $path ) : $etag, $about );
		}
		$file = Served_File::open( $path );
		if ( null === $file ) {
			self::refuse( self::not_there( $row['path'] ) );
			return;
		}
		self::note( $row );
		Served_File::send( $file, $etag, $about );
	}

	/**
	 * The header by which the web server sends a file in PHP’s place, or ''. `SMI_BRIDGE_SENDFILE` in wp-config.php names it: alone
	 * (`X-Sendfile`) it gets the file’s path, with the beginning of an address (`X-Accel-Redirect: /smi-internal/`) the file’s place below.
	 *
	 * @param string $path Where the file lies.
	 * @param string $name The same, relative to smi-downloads.
	 */
	private static function header_for_web_server( string $path, string $name ): string {
		list( $field, $below ) = array_map( 'trim', explode( ':', ( defined( self::SENDFILE ) ? (string) constant( self::SENDFILE ) : '' ) . ':' ) );
		$header                = '' === $field ? '' : $field . ': ' . ( '' === $below ? $path : rtrim( $below, '/' ) . '/' . $name );
		/**
		 * Filters a header that has the web server send the file, e.g. `X-Sendfile: /path/of/the/file`; '': PHP sends it.
		 *
		 * @param string $header Name and value.
		 * @param string $path   Where the file lies.
		 * @param string $name   The same, relative to smi-downloads.
		 */
		return (string) apply_filters( 'smi_bridge_sendfile_header', $header, $path, $name );
	}

	/** A page that says why. @param string $why A word of opened(). */
	private static function refuse( string $why ): void {
		$statuses = array( 'away' => 503, 'missing' => 404, 'invalid' => 404 ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		Private_Answer::send( 'no-referrer' );
		if ( 'away' === $why ) {
			header( 'Retry-After: 60' );
		}
		$links = Schemas::words( 'view', 'links' );
		$words = $links[ 'invalid' === $why ? 'missing' : $why ];
		wp_die(
			'<h1>' . esc_html( $words['title'] ) . '</h1><p>' . esc_html( $words['text'] ) . '</p>',
			esc_html( $words['title'] ),
			array(
				'response'  => (int) ( $statuses[ $why ] ?? 410 ),
				'link_url'  => esc_url( home_url( '/' ) ),
				'link_text' => esc_html( $links['back'] ),
			)
		);
	}
}
