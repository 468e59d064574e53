<?php
/**
 * What an enlargement costs: the service's price for its output, six times over, as the real shop's default has it.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

const RESOLUTIONS           = array( '4x', '8x' );
const CREDITS_PER_MEGAPIXEL = 0.25;
const DOLLARS_PER_CREDIT    = 0.04;
const MARKUP                = 6;
const LOWEST_PRICE          = 0.99;

/**
 * Cost and price in dollars, and the size that comes out.
 *
 * @param int    $width      Of the picture as it is, pixels.
 * @param int    $height     Of the picture as it is, pixels.
 * @param string $resolution Like '4x'.
 * @return array{width: int, height: int, credits: int, cost: float, price: float}
 */
function quote( int $width, int $height, string $resolution ): array {
	$factor  = (int) $resolution;
	$credits = (int) ceil( $width * $factor * $height * $factor / 1e6 * CREDITS_PER_MEGAPIXEL );
	$cost    = round( $credits * DOLLARS_PER_CREDIT, 2 );
	return array(
		'width'   => $width * $factor,
		'height'  => $height * $factor,
		'credits' => $credits,
		'cost'    => $cost,
		'price'   => max( LOWEST_PRICE, round( $cost * MARKUP, 2 ) ),
	);
}
