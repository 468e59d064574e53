<?php
/**
 * The upload of a finished file, chunk by chunk, by a sidecar that has no share in the uploads folder.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Files;

use SmiBridge\Core\Outcome;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * `file.open` announces a file, and its answer says how many bytes are here. Chunks follow from that offset. `file.close` checks length
 * and digest, and gives the file its name. Each of the three may be repeated. Unfinished files lie in `.incoming`, under a name that
 * holds the announcement: no upload writes into that of another job.
 */
final class Upload {

	/** Bytes of one read from the request: what a chunk of any size costs in memory. */
	const BLOCK = 262144;

	/** Most bytes of a chunk where the host sets no limit. */
	const CHUNK = 33554432;

	/** Free bytes of the disk that an upload leaves to the shop. */
	const RESERVE = 67108864;

	/**
	 * Message `file.open`.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function open( array $data, array $row ): Outcome {
		if ( Stored_Files::owner( $data['name'] ) !== $data['job_id'] ) {
			return Outcome::refused( 'invalid', array( 'detail' => 'the name is not one of this job' ) );
		}
		if ( Stored_Files::is_same( $data['name'], $data['bytes'], $data['sha256'] ) ) {
			$path = (string) Stored_Files::path( $data['name'] );
			touch( $path ); // A file that is asked for again is not thrown away as old.
			Stored_Files::keep_digest( $path, $data['job_id'], $data['sha256'] );
			return Outcome::done( array( 'offset' => $data['bytes'], 'chunk' => self::chunk() ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		Stored_Files::tidy();
		$part = self::part( $data );
		self::discard( $data, $part );
		$fault = self::space_fault( $data, $part );
		if ( '' === $fault && ( ! Stored_Files::prepare( Stored_Files::INCOMING ) || ! touch( $part ) ) ) {
			$fault = 'folder_not_writable';
		}
		return '' === $fault ? Outcome::done( array( 'offset' => self::length( $part ), 'chunk' => self::chunk() ) ) : Outcome::failed( $fault ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/**
	 * The bytes of a chunk, appended to an upload that was announced.
	 *
	 * @param array    $data See schema `file.chunk`.
	 * @param resource $body Where the bytes come from.
	 * @return array{0: int, 1: array} HTTP status and answer: `offset` is how much of the file is here now.
	 */
	public static function append( array $data, $body ): array {
		$part = self::part( $data );
		if ( is_file( $part ) && Attempt::going_on( $data ) instanceof Outcome ) {
			self::discard( $data, '' ); // The order was refunded, stopped or erased meanwhile.
		}
		$file = is_file( $part ) ? fopen( $part, 'c+b' ) : false; // phpcs:ignore WordPress.WP.AlternativeFunctions -- streams.
		if ( ! $file ) {
			return array( 409, array( 'error' => 'not_announced' ) );
		}
		try {
			if ( ! flock( $file, LOCK_EX | LOCK_NB ) ) {
				return array( 409, array( 'error' => 'busy' ) );
			}
			$offset = self::length( $part );
			if ( $offset !== $data['offset'] || $offset + $data['length'] > $data['bytes'] ) {
				return array( 409, array( 'error' => 'offset' ) + compact( 'offset' ) );
			}
			if ( self::free() < $data['length'] + self::RESERVE ) { // Others have written meanwhile.
				return array( 507, array( 'error' => 'disk_full' ) + compact( 'offset' ) );
			}
			fseek( $file, $offset );
			$fault = self::copy( $body, $file, $data );
			if ( '' !== $fault ) {
				ftruncate( $file, $offset );
				return array( 'disk_full' === $fault ? 507 : 400, array( 'error' => $fault ) + compact( 'offset' ) );
			}
			return array( 200, array( 'offset' => $offset + $data['length'] ) );
		} finally {
			fclose( $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- also lets the lock go.
		}
	}

	/**
	 * Message `file.close`.
	 *
	 * @param array $data See schema.
	 */
	public static function close( array $data ): Outcome {
		$part = self::part( $data );
		$file = is_file( $part ) ? fopen( $part, 'r+b' ) : false; // phpcs:ignore WordPress.WP.AlternativeFunctions -- streams.
		if ( ! $file ) {
			return self::closed( $data, $part );
		}
		try {
			return flock( $file, LOCK_EX | LOCK_NB ) ? self::closed( $data, $part ) : Outcome::refused( 'busy' );
		} finally {
			fclose( $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- also lets the lock go.
		}
	}

	/**
	 * Closes the upload; the caller has its lock.
	 *
	 * @param array  $data See schema.
	 * @param string $part Where it has grown.
	 */
	private static function closed( array $data, string $part ): Outcome {
		$path   = (string) Stored_Files::path( $data['name'] );
		$sha256 = self::length( $part ) === $data['bytes'] ? Stored_Files::sha256( $part, $data['job_id'] ) : ''; // Before the row is locked: it may take seconds.
		$row    = Attempt::going_on( $data );
		if ( $row instanceof Outcome ) {
			return $row;
		}
		if ( ! is_file( $part ) || Stored_Files::owner( $data['name'] ) !== $data['job_id'] ) {
			return Stored_Files::is_same( $data['name'], $data['bytes'], $data['sha256'] ) ? Outcome::done() : Outcome::refused( 'not_announced' );
		}
		if ( self::length( $part ) !== $data['bytes'] ) {
			return Outcome::refused( 'incomplete', array( 'offset' => self::length( $part ) ) );
		}
		if ( ! hash_equals( $data['sha256'], $sha256 ) ) {
			unlink( $part ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- ours.
			return Outcome::refused( 'damaged' );
		}
		chmod( $part, defined( 'FS_CHMOD_FILE' ) ? FS_CHMOD_FILE : 0644 ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- ours.
		// phpcs:ignore WordPress.WP.AlternativeFunctions -- within one file system: all or nothing.
		if ( ! Stored_Files::prepare( dirname( $data['name'] ) ) || ! rename( $part, $path ) ) {
			return Outcome::failed( 'folder_not_writable' );
		}
		Stored_Files::keep_digest( $path, $data['job_id'], $sha256 ); // Should this answer be lost, the next one needs it.
		return Outcome::done();
	}

	/**
	 * Copies the request's bytes, block by block.
	 *
	 * @param resource $body From.
	 * @param resource $file To.
	 * @param array    $data `length` and `digest`.
	 * @return string '' or a stable word.
	 */
	private static function copy( $body, $file, array $data ): string {
		$hash = hash_init( 'sha256' );
		$left = $data['length'];
		while ( $left > 0 ) {
			$block = fread( $body, min( self::BLOCK, $left ) ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- streams.
			if ( false === $block || '' === $block ) {
				return 'cut'; // A proxy ended the request, or the host's limit lies below the chunk.
			}
			hash_update( $hash, $block );
			if ( strlen( $block ) !== @fwrite( $file, $block ) ) { // phpcs:ignore WordPress.WP.AlternativeFunctions, WordPress.PHP.NoSilencedErrors -- streams; a full disk is told by the answer.
				return 'disk_full';
			}
			$left -= strlen( $block );
		}
		return hash_equals( $data['digest'], hash_final( $hash ) ) && fflush( $file ) ? '' : 'damaged';
	}

	/** Path of an unfinished upload; its name holds the announcement. @param array $data Of any of the three. */
	private static function part( array $data ): string {
		return sprintf( '%s/%s/%s.%d.%d.%s.part', Shop::folder(), Stored_Files::INCOMING, $data['job_id'], $data['attempt'], $data['bytes'], substr( $data['sha256'], 0, 32 ) );
	}

	/** Removes other uploads of the job: a job has one file. @param array $data Data. @param string $part The one that stays. */
	private static function discard( array $data, string $part ): void {
		foreach ( (array) glob( Shop::folder() . '/' . Stored_Files::INCOMING . '/' . $data['job_id'] . '.*.part' ) as $other ) {
			if ( $other !== $part ) {
				unlink( $other ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- ours.
			}
		}
	}

	/** Why there is no room for an upload, or ''. One that was let in goes on as long as its own rest fits. @param array $data Data. @param string $part Where it grows. */
	private static function space_fault( array $data, string $part ): string {
		$free = self::free() - self::RESERVE - $data['bytes'] + self::length( $part );
		if ( $free < 0 ) {
			return 'disk_full';
		}
		if ( is_file( $part ) ) {
			return '';
		}
		$others = 0;
		foreach ( (array) glob( Shop::folder() . '/' . Stored_Files::INCOMING . '/*.part' ) as $other ) {
			$announced = (int) ( explode( '.', basename( $other ) )[2] ?? 0 );
			$others   += $announced;
			$free     -= max( 0, $announced - self::length( $other ) ); // Promised, and not yet on the disk.
		}
		/** Filters the bytes that unfinished uploads may hold together; a single larger one is let in alone. */
		$most = (int) apply_filters( 'smi_bridge_uploads_under_way', 8 * GB_IN_BYTES );
		if ( $others > 0 && $others + $data['bytes'] > $most ) {
			return 'uploads_full';
		}
		return $free < 0 ? 'uploads_full' : '';
	}

	/** Free bytes of the disk, as far as the host tells. */
	private static function free(): float {
		$disk = is_dir( Shop::folder() ) ? Shop::folder() : dirname( Shop::folder() );
		$free = function_exists( 'disk_free_space' ) && is_dir( $disk ) ? @disk_free_space( $disk ) : false; // phpcs:ignore WordPress.PHP.NoSilencedErrors -- some hosts forbid it.
		return false === $free ? INF : $free;
	}

	/** Bytes of a chunk at the most, as far as PHP knows. A proxy may allow less. */
	private static function chunk(): int {
		$post = wp_convert_hr_to_bytes( (string) ini_get( 'post_max_size' ) );
		return $post > 0 ? min( $post, self::CHUNK ) : self::CHUNK;
	}

	/** Bytes of a file that grows; 0 when it is not there. @param string $path Path. */
	private static function length( string $path ): int {
		clearstatcache( true, $path );
		return is_file( $path ) ? (int) filesize( $path ) : 0;
	}
}
