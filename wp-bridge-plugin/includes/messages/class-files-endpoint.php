<?php
/**
 * Endpoint for a sidecar without a share in the uploads folder: `POST /wp-json/smi-bridge/v1/files` (or `?rest_route=`), with the bytes
 * of a chunk. Its envelope stands in the header `smi-envelope` and is signed as any other (docs/contract.md, parts 1 and 6).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Request;
use SmiBridge\Core\Schemas;
use SmiBridge\Files\Upload;

defined( 'ABSPATH' ) || exit;

/**
 * The envelope names the chunk's place and digest: a request that was stolen fits no other upload, and no other offset.
 */
final class Files_Endpoint {

	const ROUTE = '/smi-bridge/v1/files';

	/**
	 * Answers before WordPress is whole, as Early_Endpoint does and for the same reasons: bytes need no theme, mail or translation.
	 */
	public static function answer_early(): void {
		if ( Request::is_to( self::ROUTE ) && Request::is_by( 'POST' ) ) {
			Request::answer_now(
				static function () {
					list( $status, $answer ) = self::answer();
					return array( $status, wp_json_encode( $answer ) );
				}
			);
		}
	}

	/**
	 * The answer to a chunk. Bytes are read only when the envelope is authentic.
	 *
	 * @return array{0: int, 1: array} Status and answer.
	 */
	private static function answer(): array {
		$given    = Request::header( 'smi-envelope' );
		$text     = strlen( $given ) <= 4096 ? base64_decode( strtr( $given, '-_', '+/' ), true ) : false; // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- JSON in a header.
		$envelope = Messages_Endpoint::opened( Messages_Endpoint::headers(), (string) $text );
		if ( null === $envelope ) {
			return array( 401, array( 'error' => 'unauthorized' ) );
		}
		$fault = 'file.chunk' === $envelope->type ? Schemas::fault( $envelope->data, 'to-shop/file.chunk' ) : 'type is not file.chunk';
		if ( '' !== $fault ) {
			return array( 400, array( 'error' => 'message_invalid', 'detail' => $fault ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		$body = fopen( 'php://input', 'rb' ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- the request's own body, as a stream.
		try {
			return Upload::append( get_object_vars( $envelope->data ), $body );
		} catch ( Database_Error $error ) {
			Log::write( 'chunk_not_stored', $error->getMessage() );
			return array( 503, array( 'error' => 'database' ) );
		}
	}
}
