<?php
/**
 * A file as an answer of PHP: whole or in part, so that a browser can go on where it was cut off.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Files;

use SmiBridge\Core\Request;

defined( 'ABSPATH' ) || exit;

/**
 * GET and HEAD, Range, If-Range, If-None-Match (RFC 9110), and an exact length. A host that ends PHP after 30 s loses nothing: the
 * client asks for the rest. Memory holds one block.
 */
final class Served_File {

	const BLOCK   = 262144;
	const HEADERS = array(
		'Accept-Ranges'           => 'bytes',
		'Cache-Control'           => 'private, no-store, no-transform',
		'Referrer-Policy'         => 'no-referrer',
		'X-Content-Type-Options'  => 'nosniff',
		'X-Robots-Tag'            => 'noindex, nofollow',
		'X-Accel-Buffering'       => 'no', // nginx: a file of a gigabyte is not copied to its disk first.
		'Content-Security-Policy' => "default-src 'none'; sandbox",
	);

	/**
	 * Opens it: whatever takes its place meanwhile, this one is sent.
	 *
	 * @param string $path Where it lies.
	 * @return resource|null Null: it has just gone, or may not be read.
	 */
	public static function open( string $path ) {
		$file = @fopen( $path, 'rb' ); // phpcs:ignore WordPress.WP.AlternativeFunctions, WordPress.PHP.NoSilencedErrors -- the answer tells of it.
		return $file ? $file : null;
	}

	/**
	 * Sends it and ends the request.
	 *
	 * @param resource $file    From open().
	 * @param string   $etag    Without quotes; another one for other bytes. '': what changes with the file.
	 * @param array    $headers Name => value, `Content-Type` among them.
	 */
	public static function send( $file, string $etag, array $headers ): void {
		$found  = fstat( $file );
		$length = (int) $found['size'];
		$etag   = '"' . ( '' === $etag ? self::named( $found ) : $etag ) . '"';
		$part   = self::part( Request::header( 'Range' ), Request::header( 'If-Range' ), $etag, $length );
		$status = null === $part ? 200 : ( $part ? 206 : 416 );
		if ( in_array( $etag, array_map( 'trim', explode( ',', Request::header( 'If-None-Match' ) ) ), true ) ) {
			$status = 304;
		}
		list( $first, $bytes ) = $part ? $part : array( 0, 416 === $status ? 0 : $length );
		$headers              += array( 'ETag' => $etag ) + self::HEADERS;
		if ( 304 !== $status ) {
			$headers['Content-Length'] = $bytes;
		}
		if ( 206 === $status || 416 === $status ) {
			$headers['Content-Range'] = 206 === $status ? sprintf( 'bytes %d-%d/%d', $first, $first + $bytes - 1, $length ) : 'bytes */' . $length;
		}
		self::begin( $status, $headers );
		if ( $status < 300 && ! Request::is_by( 'HEAD' ) ) {
			self::copy( $file, $first, $bytes );
		}
		exit;
	}

	/**
	 * Has the web server send it, Range and all, and ends the request.
	 *
	 * @param string $header  By which it is told: name and value.
	 * @param string $etag    Without quotes; for servers that make none of their own.
	 * @param array  $headers Name => value, `Content-Type` among them.
	 */
	public static function leave_to_web_server( string $header, string $etag, array $headers ): void {
		self::begin( 200, $headers + array( 'ETag' => '"' . $etag . '"' ) + array_diff_key( self::HEADERS, array_flip( array( 'Accept-Ranges', 'X-Accel-Buffering' ) ) ) );
		header( $header );
		exit;
	}

	/** Sends the client on to where the file is, and ends the request. @param string $address A key for some minutes. */
	public static function send_on( string $address ): void {
		Request::begin( 302, array( 'Location' => $address, 'Content-Length' => 0 ) + array_diff_key( self::HEADERS, array( 'Accept-Ranges' => 1 ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		exit;
	}

	/**
	 * What is asked for: array( first byte, bytes ); null: all of it; empty: nothing that is there. Several ranges at once are
	 * answered with all of it, as RFC 9110 allows.
	 *
	 * @param string $range    Header.
	 * @param string $if_range Header: the part is wanted only if the file is still this one.
	 * @param string $etag     The file's.
	 * @param int    $length   The file's, in bytes.
	 */
	public static function part( string $range, string $if_range, string $etag, int $length ): ?array {
		if ( ! preg_match( '/^bytes=(\d{0,18})-(\d{0,18})\z/', $range, $found ) || '-' === substr( $range, 6 ) || ( '' !== $if_range && $if_range !== $etag ) ) {
			return null;
		}
		list( , $first, $last ) = $found;
		if ( '' === $first ) { // The last so many.
			$bytes = min( (int) $last, $length );
			return $bytes ? array( $length - $bytes, $bytes ) : array();
		}
		if ( '' !== $last && (int) $last < (int) $first ) {
			return null;
		}
		$end = '' === $last ? $length : min( (int) $last + 1, $length );
		return (int) $first < $length ? array( (int) $first, $end - (int) $first ) : array();
	}

	/** Sends the head of an answer that may take long. @param int $status Status. @param array $headers Headers. */
	private static function begin( int $status, array $headers ): void {
		if ( function_exists( 'set_time_limit' ) ) {
			set_time_limit( 0 );
		}
		Request::begin( $status, $headers );
		ini_set( 'zlib.output_compression', 'Off' ); // phpcs:ignore WordPress.PHP.IniSet -- the length would be a lie. After what has begun with it has ended.
	}

	/** An ETag, without quotes, that changes with a file; the sidecar makes the same. @param string $path Where it lies. */
	public static function version( string $path ): string {
		clearstatcache( true, $path );
		return self::named( (array) stat( $path ) );
	}

	/** The same. @param array $found Of stat(). */
	private static function named( array $found ): string {
		return sprintf( '%x-%x-%x', $found['size'], $found['mtime'], $found['ino'] );
	}

	/** Sends bytes. @param resource $file File. @param int $first The first. @param int $bytes How many. */
	private static function copy( $file, int $first, int $bytes ): void {
		// phpcs:disable WordPress.WP.AlternativeFunctions, WordPress.Security.EscapeOutput -- a stream of bytes.
		fseek( $file, $first );
		while ( $bytes > 0 && ! connection_aborted() ) {
			$block = fread( $file, min( self::BLOCK, $bytes ) );
			if ( false === $block || '' === $block ) {
				break; // It was cut meanwhile: the client sees that bytes are missing.
			}
			echo $block;
			flush();
			$bytes -= strlen( $block );
		}
		fclose( $file );
		// phpcs:enable
	}
}
