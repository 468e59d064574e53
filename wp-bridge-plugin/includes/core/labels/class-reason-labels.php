<?php
/**
 * The reasons of failures in words, from the catalogue that the sidecar's console reads as well (schemas/reasons.json).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core\Labels;

use SmiBridge\Core\Schemas;

defined( 'ABSPATH' ) || exit;

/**
 * Plain text, not escaped. A code that is not known here (a newer sidecar's) is shown as it is, readable.
 */
final class Reason_Labels {

	/** What has happened, in a few words. @param string|null $code A stable code. */
	public static function label( ?string $code ): string {
		$words = self::reason( $code )['label'] ?? '';
		return '' === $words ? ucfirst( str_replace( '_', ' ', (string) $code ) ) : Schemas::translated( $words );
	}

	/** What a person can do about a job that waits for him, or ''. @param string|null $code A stable code. */
	public static function advice( ?string $code ): string {
		return Schemas::translated( self::reason( $code )['advice'] ?? '' );
	}

	/** Why a picture could not be made, in words for the customer. @param string|null $code A stable code. */
	public static function for_customer( ?string $code ): string {
		foreach ( Schemas::get( 'reasons' )['customers'] as $beginning => $words ) {
			if ( 0 === strncmp( (string) $code, $beginning, strlen( $beginning ) ) ) {
				return Schemas::translated( $words );
			}
		}
		return '';
	}

	/** What the catalogue says of a code: label, perhaps advice. @param string|null $code A stable code. */
	private static function reason( ?string $code ): array {
		return Schemas::get( 'reasons' )['reasons'][ (string) $code ] ?? array();
	}
}
