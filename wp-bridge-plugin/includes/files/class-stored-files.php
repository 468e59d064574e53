<?php
/**
 * Finished files in uploads/smi-downloads: their names, the folder's guards, and what the sidecar may ask and remove.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Files;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * For a sidecar that has no share in the uploads folder (docs/contract.md, part 6). A name that is none of ours has no path: nothing else
 * of the uploads folder is read, told or removed here.
 */
final class Stored_Files {

	const NAME     = '#^[0-9]{4}/[0-9]{2}/(' . Job_Id::PATTERN . ')_[0-9]{1,2}x\.(?:jpg|png|webp)\z#';
	const COPY     = '#^\.sources/(' . Job_Id::PATTERN . ')\.[0-9]{1,4}\.(?:jpg|png|webp)\z#';
	const COPIES   = '.sources';
	const INCOMING = '.incoming';
	const REFUSED  = '.refused';
	const PROBES   = 'cdn';
	const LARGE    = 33554432; // Bytes from which on a digest is worth keeping.

	/** Where a file lies; null for a name that is none of ours. @param string $name As in the ledger, `YYYY/MM/<job>_4x.jpg`. */
	public static function path( string $name ): ?string {
		return null === self::owner( $name ) ? null : Shop::folder() . '/' . $name;
	}

	/** The job that a file, or a copy of its source, belongs to; null for a name that is none of ours. @param string $name Name. */
	public static function owner( string $name ): ?string {
		return preg_match( self::NAME, $name, $found ) || preg_match( self::COPY, $name, $found ) ? $found[1] : null;
	}

	/** Bytes of a finished file, or null. @param string $name Name. */
	public static function size( string $name ): ?int {
		$path = self::path( $name );
		clearstatcache( true, (string) $path );
		return null !== $path && is_file( $path ) ? (int) filesize( $path ) : null;
	}

	/** Whether a file is there, byte for byte. @param string $name Name. @param int $bytes Bytes. @param string $sha256 Digest. */
	public static function is_same( string $name, int $bytes, string $sha256 ): bool {
		return self::size( $name ) === $bytes && hash_equals( $sha256, self::sha256( (string) self::path( $name ), (string) self::owner( $name ) ) );
	}

	/**
	 * Digest of a file. A large one takes seconds, which the host’s limit need not allow for, and a proxy may leave before: what was
	 * found out is kept for the next question.
	 *
	 * @param string $path   Path.
	 * @param string $job_id Whose it is.
	 */
	public static function sha256( string $path, string $job_id ): string {
		$note = self::note( $path, $job_id );
		$kept = is_file( $note ) && filemtime( $note ) > time() - HOUR_IN_SECONDS ? explode( ' ', (string) file_get_contents( $note ), 2 ) : array(); // phpcs:ignore WordPress.WP.AlternativeFunctions -- ours.
		if ( 2 === count( $kept ) && self::version( $path ) === $kept[1] ) {
			return $kept[0];
		}
		if ( function_exists( 'set_time_limit' ) ) {
			set_time_limit( 300 );
		}
		$sha256 = (string) hash_file( 'sha256', $path );
		self::keep_digest( $path, $job_id, $sha256 );
		return $sha256;
	}

	/** Keeps the digest of a large file for an hour, as long as the file stays as it is. @param string $path Path. @param string $job_id Whose it is. @param string $sha256 Digest. */
	public static function keep_digest( string $path, string $job_id, string $sha256 ): void {
		if ( is_file( $path ) && filesize( $path ) >= self::LARGE && is_dir( dirname( self::note( $path, $job_id ) ) ) ) {
			file_put_contents( self::note( $path, $job_id ), $sha256 . ' ' . self::version( $path ) ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- ours.
		}
	}

	/** Where the digest of a file is kept: it goes with the job, and after a day. @param string $path Path. @param string $job_id Whose it is. */
	private static function note( string $path, string $job_id ): string {
		return sprintf( '%s/%s/%s.%s.digest', Shop::folder(), self::INCOMING, $job_id, substr( md5( $path ), 0, 12 ) );
	}

	/** What changes with a file. @param string $path Path. */
	private static function version( string $path ): string {
		clearstatcache( true, $path );
		return is_file( $path ) ? sprintf( '%d %d %d', filesize( $path ), filemtime( $path ), fileinode( $path ) ) : '';
	}

	/**
	 * Makes a folder below ours, ours with its guards first.
	 *
	 * @param string $folder Relative to ours.
	 * @return bool Whether it can be written.
	 */
	public static function prepare( string $folder ): bool {
		if ( ! wp_mkdir_p( Shop::folder() . '/' . $folder ) ) {
			return false;
		}
		foreach ( json_decode( file_get_contents( SMI_BRIDGE_DIR . 'schemas/guards.json' ), true )['files'] as $name => $text ) { // phpcs:ignore WordPress.WP.AlternativeFunctions -- a file of our own.
			$path = Shop::folder() . '/' . $name;
			if ( ! is_file( $path ) || ( '' !== $text && 0 === filesize( $path ) ) ) { // The disk may have run full over it.
				file_put_contents( $path, $text ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- no user is there who could give credentials.
			}
		}
		return wp_is_writable( Shop::folder() . '/' . $folder );
	}

	/** Where a copy of a source lies, or null. @param string $job_id The job. @param string $copy As in its address, `<job>.<attempt>.jpg`. */
	public static function copy_of( string $job_id, string $copy ): ?string {
		$path = self::owner( self::COPIES . '/' . $copy ) === $job_id ? Shop::folder() . '/' . self::COPIES . '/' . $copy : '';
		return is_file( $path ) ? $path : null;
	}

	/** Whether the folder is not in its place, as with a volume that is not mounted: its files are not gone then. */
	public static function is_away(): bool {
		return ! is_dir( Shop::folder() );
	}

	/** Message `file.stat`. @param array $data See schema. */
	public static function stat( array $data ): Outcome {
		if ( self::is_away() ) {
			return Outcome::failed( 'folder_not_writable' );
		}
		$bytes = self::size( $data['name'] );
		$path  = (string) self::path( $data['name'] );
		return Outcome::done(
			array(
				'bytes'    => $bytes,
				'modified' => null === $bytes ? null : (int) filemtime( $path ),
				'sha256'   => null === $bytes || empty( $data['digest'] ) ? null : self::sha256( $path, (string) self::owner( $data['name'] ) ),
			)
		);
	}

	/** Message `file.remove`. @param array $data See schema. */
	public static function remove( array $data ): Outcome {
		if ( self::is_away() ) {
			return Outcome::failed( 'folder_not_writable' );
		}
		$removed = 0;
		foreach ( $data['names'] as $name ) {
			// phpcs:ignore WordPress.WP.AlternativeFunctions, WordPress.PHP.NoSilencedErrors -- ours, and nothing filters it; the answer tells of a fault.
			if ( null !== self::size( $name ) && @unlink( (string) self::path( $name ) ) ) {
				++$removed;
			} elseif ( null !== self::size( $name ) ) {
				return Outcome::failed( 'folder_not_writable' );
			}
		}
		return Outcome::done( compact( 'removed' ) );
	}

	/** Message `file.list`: a page of finished files, in the order of their names. @param array $data See schema. */
	public static function listed( array $data ): Outcome {
		if ( self::is_away() && ( file_exists( Shop::folder() ) || ! is_dir( dirname( Shop::folder() ) ) ) ) { // Else it is still to be made.
			return Outcome::failed( 'folder_not_writable' );
		}
		$names = array();
		foreach ( (array) glob( Shop::folder() . '/[0-9][0-9][0-9][0-9]/[0-9][0-9]/' . ( $data['job_id'] ?? '' ) . '*_*x.*' ) as $path ) {
			$name = substr( (string) $path, strlen( Shop::folder() ) + 1 );
			$job  = self::owner( $name );
			if ( null !== $job && $name > (string) ( $data['after'] ?? '' ) && ( ! isset( $data['job_id'] ) || $job === $data['job_id'] ) ) {
				$names[] = $name;
			}
		}
		sort( $names, SORT_STRING );
		$files = array();
		foreach ( array_slice( $names, 0, $data['limit'] ) as $name ) {
			$bytes = self::size( $name );
			if ( null !== $bytes ) {
				$files[] = compact( 'name', 'bytes' ) + array( 'modified' => (int) filemtime( (string) self::path( $name ) ) );
			}
		}
		$next = count( $names ) > $data['limit'] ? $names[ $data['limit'] - 1 ] : null;
		return Outcome::done( compact( 'files', 'next' ) );
	}

	/** Where the small picture of a refused result lies, or would. @param string $job_id The job. @param int $attempt Its attempt. */
	public static function refused_path( string $job_id, int $attempt ): string {
		return Shop::folder() . '/' . self::REFUSED . '/' . $job_id . '.' . $attempt . '.jpg';
	}

	/** Message `file.refused`: what Job_Page shows to the admin. @param array $data See schema. */
	public static function refused( array $data ): Outcome {
		$bytes = base64_decode( $data['jpeg'], true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- bytes in JSON.
		if ( false === $bytes || "\xFF\xD8\xFF" !== substr( $bytes, 0, 3 ) ) {
			return Outcome::refused( 'invalid', array( 'detail' => 'jpeg is no JPEG' ) );
		}
		$path = self::refused_path( $data['job_id'], (int) $data['attempt'] );
		// phpcs:ignore WordPress.WP.AlternativeFunctions -- no user is there who could give credentials.
		return self::prepare( self::REFUSED ) && false !== file_put_contents( $path, $bytes ) ? Outcome::done() : Outcome::failed( 'folder_not_writable' );
	}

	/** Removes files of a folder that are older, by the day. @param string $folder Relative to ours. @param int $seconds Age. */
	public static function forget_old( string $folder, int $seconds ): void {
		foreach ( self::removable( $folder, '*' ) as $path ) {
			if ( filemtime( $path ) < time() - $seconds ) {
				unlink( $path ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- ours.
			}
		}
	}

	/** Daily: uploads that nobody goes on with, copies of sources, old thumbnails. A sidecar with a share in the folder does it, too. */
	public static function tidy(): void {
		self::forget_old( self::INCOMING, Time_Limits::UPLOAD );
		self::forget_old( self::COPIES, Time_Limits::UPLOAD );
		self::forget_old( self::REFUSED, Time_Limits::REFUSED );
	}

	/** The plugin is deleted: what is no finished picture goes. */
	public static function forget_all(): void {
		foreach ( array( self::INCOMING, self::COPIES, self::REFUSED, self::PROBES ) as $folder ) {
			array_map( 'unlink', self::removable( $folder, '*' ) );
		}
	}

	/** Forgets what shows a customer’s picture and is no finished file: half an upload, copies of its source, thumbnails. @param string $job_id The shop’s id. */
	public static function forget_job( string $job_id ): void {
		if ( preg_match( '/^' . Job_Id::PATTERN . '\z/', $job_id ) ) {
			foreach ( array( self::INCOMING, self::COPIES, self::REFUSED ) as $folder ) {
				array_map( 'unlink', self::removable( $folder, $job_id . '.*' ) );
			}
		}
	}

	/**
	 * Files of a folder that we may remove; none where only the sidecar may, who does it then.
	 *
	 * @param string $folder  Relative to ours.
	 * @param string $pattern As glob() has it.
	 * @return string[]
	 */
	private static function removable( string $folder, string $pattern ): array {
		$folder = Shop::folder() . '/' . $folder;
		return is_dir( $folder ) && wp_is_writable( $folder ) ? array_filter( (array) glob( $folder . '/' . $pattern ), 'is_file' ) : array();
	}
}
