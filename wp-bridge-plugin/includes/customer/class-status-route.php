<?php
/**
 * Endpoint for status pages, on sites whose sidecar is not public: `GET /wp-json/smi-bridge/v1/status/<job id>`.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Log;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * The same document as the sidecar's (docs/contract.md, part 5), from the ledger. The id is enough to see it: no e-mail, no reason in it; and no link without the status token.
 */
final class Status_Route {

	/** Registers the route. */
	public static function register_route(): void {
		register_rest_route(
			'smi-bridge/v1',
			'/status/(?P<job_id>' . Job_Id::PATTERN . ')',
			array(
				'methods'             => 'GET',
				'permission_callback' => '__return_true', // The id is unguessable, and the document tells no person's data.
				'callback'            => array( self::class, 'answer' ),
				'args'                => array( 'job_id' => array( 'type' => 'string', 'required' => true ) ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			)
		);
	}

	/**
	 * Answers.
	 *
	 * @param \WP_REST_Request $request Request.
	 */
	public static function answer( $request ): \WP_REST_Response {
		$job_id = (string) $request['job_id'];
		try {
			$row = Ledger::newest( $job_id );
		} catch ( Database_Error $fault ) {
			Log::write( 'status_unreadable', $fault->getMessage(), array( 'job_id' => $job_id ) );
			$response = new \WP_REST_Response( array( 'error' => 'database' ), 503 );
			Private_Answer::rest( $response );
			return $response;
		}
		$document = $row ? self::document( $row, '' !== Status_Access::of_request( $job_id ) ) : array( 'error' => 'unknown_job' );
		$etag     = '"' . substr( hash( 'sha256', wp_json_encode( $document ) ), 0, 32 ) . '"';
		$same     = $row && trim( (string) $request->get_header( 'if_none_match' ) ) === $etag;
		$response = new \WP_REST_Response( $same ? null : $document, $row ? ( $same ? 304 : 200 ) : 404 );
		$response->header( 'ETag', $etag );
		Private_Answer::rest( $response );
		return $response;
	}

	/** Whether an attempt is late (States::is_delayed). @param array $row A ledger row. */
	private static function is_delayed( array $row ): bool {
		$since = Sql::unix( $row['stage_since'] ?? $row['created_at'] );
		return States::is_delayed( $row['state'], Reasons::holds( $row['reason'] ), null !== $row['reason'], time() - $since );
	}

	/**
	 * The status document of contract, part 5; `{phase: "unknown"}` when the ledger has no such job.
	 *
	 * @param string $job_id    The job's id.
	 * @param bool   $with_link Whether the reader may have the link.
	 * @return array See document().
	 */
	public static function of_job( string $job_id, bool $with_link ): array {
		try {
			$row      = Ledger::newest( $job_id );
			$document = $row ? self::document( $row, $with_link ) : null;
		} catch ( Database_Error $fault ) {
			// A visitor's page must not die of it; the script asks again by itself.
			Log::write( 'status_unreadable', $fault->getMessage(), array( 'job_id' => $job_id ) );
			$document = null;
		}
		return $document ?? array( 'phase' => 'unknown' );
	}

	/**
	 * The document, in the form of docs/contract.md, part 5.
	 *
	 * @param array $row       A ledger row.
	 * @param bool  $with_link Whether the reader may have the link.
	 * @return array `share` is 0 to 1, `poll_after` seconds, times RFC 3339. The ledger knows no place in a queue: `position` and `expected_s` are null.
	 */
	public static function document( array $row, bool $with_link ): array {
		$facts   = States::all()[ $row['state'] ];
		$phase   = $facts['phase'];
		$expired = null !== $row['expires_at'] && Sql::unix( $row['expires_at'] ) <= time();
		if ( 'ready' === $phase && ( $expired || null !== $row['revoked_at'] ) ) {
			$phase = 'expired';
		} elseif ( self::is_delayed( $row ) ) {
			$phase = 'delayed';
		}
		$ready = 'ready' === $phase;
		return array(
			'job_id'       => $row['job_id'],
			'phase'        => $phase,
			'share'        => $ready ? 1.0 : 0.0,
			'stage'        => $facts['stage'],
			'position'     => null,
			'expected_s'   => null,
			'next_try_at'  => 'delayed' === $phase ? Sql::rfc3339( $row['next_try_at'] ) : null,
			'width'        => null === $row['width'] ? null : (int) $row['width'],
			'height'       => null === $row['height'] ? null : (int) $row['height'],
			'bytes'        => null === $row['bytes'] ? null : (int) $row['bytes'],
			'format'       => $row['format'],
			'download_url' => $ready && $with_link ? Shop::download_url( $row ) : null,
			'expires_at'   => $ready ? Sql::rfc3339( $row['expires_at'] ) : null,
			'poll_after'   => max( Time_Limits::POLL, States::poll_s( $row['state'], $phase ) ),
			'updated_at'   => Sql::rfc3339( $row['updated_at'] ),
		);
	}
}
