<?php
/**
 * Where the bought picture lies: the address and, if it is in the uploads folder, the path there.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Judges nothing: an address that is no http(s) URL is passed on as it stands, and refused by the sidecar with its reason.
 */
final class Source_Place {

	/**
	 * Type, address and path of a row's source.
	 *
	 * @param array $row A row of the shop's table.
	 * @return array{type: string, url: string|null, path: string|null}
	 */
	public static function of( array $row ): array {
		$uploads = wp_get_upload_dir();
		$url     = trim( (string) $row['image_url'] );
		if ( 'upload' !== ( $row['source_type'] ?? '' ) ) {
			return array(
				'type' => 'attachment',
				'url'  => $url,
				'path' => self::path_of_url( $url, $uploads ),
			);
		}
		// The shop writes the local path into image_url, and since 1.3 into upload_file_path as well.
		$file = (string) ( $row['upload_file_path'] ?? '' );
		$path = self::inside( '' === $file ? $url : $file, $uploads['basedir'] ) ?? self::path_of_url( $url, $uploads );
		return array(
			'type' => 'upload',
			'url'  => null === $path ? $url : $uploads['baseurl'] . '/' . implode( '/', array_map( 'rawurlencode', explode( '/', $path ) ) ),
			'path' => $path,
		);
	}

	/**
	 * A file's path relative to the uploads folder, or null when it does not lie there (links and `..` resolved).
	 *
	 * @param string $file Absolute path.
	 * @param string $base The uploads folder.
	 */
	private static function inside( string $file, string $base ): ?string {
		if ( '' === $file || false !== strpos( $file, "\0" ) || preg_match( '#^[a-z][a-z0-9+.-]*://#i', $file ) ) {
			return null;
		}
		$file = realpath( $file );
		$base = realpath( $base );
		if ( ! $file || ! $base || ! is_file( $file ) || 0 !== strpos( $file, $base . DIRECTORY_SEPARATOR ) ) {
			return null;
		}
		$path = str_replace( DIRECTORY_SEPARATOR, '/', substr( $file, strlen( $base ) + 1 ) );
		return strlen( $path ) <= 1024 && preg_match( '//u', $path ) ? $path : null;
	}

	/**
	 * The same for an address below the uploads folder's own.
	 *
	 * @param string $url     Address.
	 * @param array  $uploads What wp_get_upload_dir() says.
	 */
	private static function path_of_url( string $url, array $uploads ): ?string {
		$base = preg_replace( '#^https?:#i', '', $uploads['baseurl'] ) . '/';
		$rest = preg_replace( '#^https?:#i', '', strtok( $url, '?#' ) );
		if ( 0 !== strpos( (string) $rest, $base ) ) {
			return null;
		}
		return self::inside( $uploads['basedir'] . '/' . rawurldecode( substr( $rest, strlen( $base ) ) ), $uploads['basedir'] );
	}

	/** The address of a small picture of what was bought, or ''. @param array|null $job The shop's job. @param string $size As WordPress names it. */
	public static function preview( ?array $job, string $size ): string {
		$picture = empty( $job['attachment_id'] ) ? '' : wp_get_attachment_image_url( (int) $job['attachment_id'], $size );
		return (string) $picture;
	}
}
