<?php
/**
 * The sidecar's checks and its conversion, done as a shop would do them in PHP: with GD, in the webhook request.
 *
 * GD holds the whole picture and drops colour profiles; the sidecar does neither. That is not made up for here: it would only cost more.
 *
 * @package InRequestHandler
 */

namespace InRequestHandler;

defined( 'ABSPATH' ) || exit;

const BLOCK = 8; // Pixels a side of what is compared; the limits are the sidecar's (sidecar/adapters/images/picture.py).

/**
 * Checks a result and brings it into the family of what was bought.
 *
 * 1. The pixels that were bought, and nothing behind the end of the file. 2. Every pixel decodes, without a warning. 3. A JPEG for a JPEG. 4. The picture as the customer
 * gets it shows what was bought. 5. A digest of it, and its bytes are on the disk.
 *
 * @param object $job  The row.
 * @param string $temp The result.
 * @return string The file to keep, or '' if the result is not sound.
 */
function checked_and_converted( object $job, string $temp ): string {
	// phpcs:disable WordPress.WP.AlternativeFunctions -- local files.
	$factor  = (int) $job->resolution;
	$found   = getimagesize( $temp );
	$bytes   = file_get_contents( $temp );
	$picture = array( $factor * $job->image_width, $factor * $job->image_height ) === array( $found[0], $found[1] )
		&& IMAGETYPE_PNG === $found[2] && "IEND\xAE\x42\x60\x82" === substr( $bytes, -8 ) ? decoded( $bytes ) : null;
	if ( ! $picture ) {
		return '';
	}
	$file   = $temp;
	$source = get_attached_file( (int) $job->attachment_id );
	$bought = file_get_contents( $source );
	if ( IMAGETYPE_JPEG === getimagesize( $source )[2] ) {
		$file = $temp . '.jpg';
		imagejpeg( $picture, $file, 92 );
		unlink( $temp );
		$picture = decoded( file_get_contents( $file ) );
	}
	$before = decoded( $bought );
	if ( ! $picture || ! $before || ! shows_the_same( $before, $picture ) ) {
		return '';
	}
	note( 'checked, sha256 ' . hash_file( 'sha256', $file ), $job->job_id );
	if ( function_exists( 'fsync' ) ) { // PHP 8.1.
		$handle = fopen( $file, 'r+b' );
		fsync( $handle );
		fclose( $handle );
	}
	return $file;
}

/**
 * The whole picture; null if its decoder has a complaint.
 *
 * @param string $bytes The file.
 * @return resource|\GdImage|null
 */
function decoded( string $bytes ) {
	$faults = 0;
	set_error_handler( // phpcs:ignore WordPress.PHP.DevelopmentFunctions -- GD tells of a broken file by a warning.
		static function () use ( &$faults ): bool {
			++$faults;
			return true;
		}
	);
	$picture = imagecreatefromstring( $bytes );
	restore_error_handler();
	return $faults || ! $picture ? null : $picture;
}

/**
 * Whether two pictures, reduced to 128 pixels, show the same: SSIM of 8x8 blocks, brightness and colour, as the sidecar compares.
 *
 * @param resource|\GdImage $before What was bought.
 * @param resource|\GdImage $after  What is delivered.
 */
function shows_the_same( $before, $after ): bool {
	$scale   = 16 / max( imagesx( $before ), imagesy( $before ) );
	$columns = max( 3, (int) round( imagesx( $before ) * $scale ) );
	$rows    = max( 3, (int) round( imagesy( $before ) * $scale ) );
	$before  = reduced( $before, BLOCK * $columns, BLOCK * $rows );
	$after   = reduced( $after, BLOCK * $columns, BLOCK * $rows );
	$sum     = 0.0;
	$tone    = 0.0;
	$worst   = 1.0;
	$apart   = 0.0;
	$colour  = 0.0;
	for ( $row = 0; $row < $rows; $row++ ) {
		for ( $column = 0; $column < $columns; $column++ ) {
			list( $likeness, $darker, $chroma, $distance ) = block( $before, $after, BLOCK * $column, BLOCK * $row );

			$sum    += $likeness;
			$worst   = min( $worst, $likeness );
			$tone   += $darker;
			$colour += $chroma;
			$apart  += $distance;
		}
	}
	$blocks = $rows * $columns;
	return $sum / $blocks >= 0.65 && $worst >= 0.1 && $tone / $blocks <= 20 && $apart <= 0.5 * max( $colour, 6.0 * $blocks );
}

/**
 * Another size, each pixel the mean of what it covers.
 *
 * @param resource|\GdImage $picture The picture.
 * @param int               $width   New width.
 * @param int               $height  New height.
 * @return resource|\GdImage
 */
function reduced( $picture, int $width, int $height ) {
	$small = imagecreatetruecolor( $width, $height );
	imagecopyresampled( $small, $picture, 0, 0, 0, 0, $width, $height, imagesx( $picture ), imagesy( $picture ) );
	return $small;
}

/**
 * SSIM of luma, difference of luma, chroma of the first, and distance of the chroma of one block.
 *
 * @param resource|\GdImage $before One picture.
 * @param resource|\GdImage $after  The other.
 * @param int               $left   Where the block begins.
 * @param int               $top    Where the block begins.
 * @return float[]
 */
function block( $before, $after, int $left, int $top ): array {
	$x  = 0.0;
	$y  = 0.0;
	$xx = 0.0;
	$yy = 0.0;
	$xy = 0.0;
	$u  = 0.0;
	$v  = 0.0;
	$du = 0.0;
	$dv = 0.0;
	for ( $row = $top; $row < $top + BLOCK; $row++ ) {
		for ( $column = $left; $column < $left + BLOCK; $column++ ) {
			$one   = imagecolorat( $before, $column, $row );
			$two   = imagecolorat( $after, $column, $row );
			$red   = $one >> 16 & 255;
			$blue  = $one & 255;
			$light = 0.299 * $red + 0.587 * ( $one >> 8 & 255 ) + 0.114 * $blue;
			$other = 0.299 * ( $two >> 16 & 255 ) + 0.587 * ( $two >> 8 & 255 ) + 0.114 * ( $two & 255 );
			$x    += $light;
			$y    += $other;
			$xx   += $light * $light;
			$yy   += $other * $other;
			$xy   += $light * $other;
			$u    += $blue - $light;
			$v    += $red - $light;
			$du   += ( $two & 255 ) - $other;
			$dv   += ( $two >> 16 & 255 ) - $other;
		}
	}
	$n  = BLOCK * BLOCK;
	$x /= $n;
	$y /= $n;

	$likeness  = ( 2 * $x * $y + 6.5025 ) * ( 2 * ( $xy / $n - $x * $y ) + 58.5225 );
	$likeness /= ( $x * $x + $y * $y + 6.5025 ) * ( $xx / $n - $x * $x + $yy / $n - $y * $y + 58.5225 );
	$distance  = hypot( 0.564 * ( $du - $u ) / $n, 0.713 * ( $dv - $v ) / $n );
	return array( $likeness, abs( $x - $y ), hypot( 0.564 * $u / $n, 0.713 * $v / $n ), $distance );
}
