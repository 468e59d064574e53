<?php
/**
 * How facts are said to people: sizes, dimensions, times, money. Reads nothing, writes nothing.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Facts in, words out. Every method returns plain text in the current locale, not escaped: escape it where it is printed.
 */
final class Format {

	/** What a picture's format is called. */
	const FORMATS = array(
		'jpeg' => 'JPEG',
		'jpg'  => 'JPEG',
		'png'  => 'PNG',
		'webp' => 'WebP',
	);

	/**
	 * "4,000 × 3,000 pixels (12 MP)", or '' when a side is not known.
	 *
	 * @param mixed $width  Pixels.
	 * @param mixed $height Pixels.
	 */
	public static function dimensions( $width, $height ): string {
		$width  = (int) $width;
		$height = (int) $height;
		if ( $width < 1 || $height < 1 ) {
			return '';
		}
		$megapixels = $width * $height / 1000000;
		return sprintf(
			/* translators: 1: width, 2: height, 3: megapixels */
			__( '%1$s × %2$s pixels (%3$s MP)', 'smi-bridge' ),
			number_format_i18n( $width ),
			number_format_i18n( $height ),
			number_format_i18n( $megapixels, $megapixels < 10 ? 1 : 0 )
		);
	}

	/**
	 * "12.4 MB", or '' when not known. Decimal units, as file managers and download dialogs show them.
	 *
	 * @param mixed $bytes Bytes.
	 */
	public static function size( $bytes ): string {
		$bytes = (float) $bytes;
		if ( $bytes <= 0 ) {
			return '';
		}
		$units = array(
			/* translators: %s: number of bytes */
			__( '%s bytes', 'smi-bridge' ),
			/* translators: %s: number of kilobytes */
			__( '%s kB', 'smi-bridge' ),
			/* translators: %s: number of megabytes */
			__( '%s MB', 'smi-bridge' ),
			/* translators: %s: number of gigabytes */
			__( '%s GB', 'smi-bridge' ),
		);
		$unit = 0;
		while ( $bytes >= 999.5 && $unit < 3 ) {
			$bytes /= 1000;
			++$unit;
		}
		return sprintf( $units[ $unit ], number_format_i18n( $bytes, $unit > 1 && $bytes < 100 ? 1 : 0 ) );
	}

	/**
	 * "JPEG", "PNG", "WebP", or ''.
	 *
	 * @param mixed $format As in the ledger.
	 */
	public static function format( $format ): string {
		return self::FORMATS[ strtolower( (string) $format ) ] ?? '';
	}

	/**
	 * "4×", or '' when not known.
	 *
	 * @param mixed $factor Enlargement of each side.
	 */
	public static function factor( $factor ): string {
		/* translators: %s: how many times larger each side of the picture is */
		return (int) $factor > 0 ? sprintf( __( '%s×', 'smi-bridge' ), number_format_i18n( (int) $factor ) ) : '';
	}

	/**
	 * Seconds since 1970, or null: understands RFC 3339, a MySQL datetime in UTC, and a number.
	 *
	 * @param mixed $time As facts and the ledger hold it.
	 */
	public static function timestamp( $time ): ?int {
		if ( is_int( $time ) || ( is_string( $time ) && ctype_digit( $time ) ) ) {
			return (int) $time > 0 ? (int) $time : null;
		}
		if ( ! is_string( $time ) || '' === $time || 0 === strpos( $time, '0000' ) ) {
			return null;
		}
		try {
			$parsed = new \DateTimeImmutable( $time, new \DateTimeZone( 'UTC' ) );
		} catch ( \Exception $unreadable ) { // Hostile or old data: no time is better than a wrong one.
			return null;
		}
		return $parsed->getTimestamp();
	}

	/**
	 * "23 November 2026, 10:00 (UTC+01:00)": the site's format and time zone, with the offset in force on that day.
	 *
	 * @param mixed $time See timestamp().
	 */
	public static function moment( $time ): string {
		$timestamp = self::timestamp( $time );
		if ( null === $timestamp ) {
			return '';
		}
		$offset = wp_date( 'P', $timestamp );
		return sprintf(
			/* translators: 1: date, 2: time, 3: offset from UTC, such as +01:00 */
			__( '%1$s, %2$s (UTC%3$s)', 'smi-bridge' ),
			wp_date( get_option( 'date_format', 'F j, Y' ), $timestamp ),
			wp_date( get_option( 'time_format', 'H:i' ), $timestamp ),
			'+00:00' === $offset ? '' : str_replace( '-', '−', $offset ) // A minus; a line may end after a hyphen.
		);
	}

	/**
	 * "4 minutes ago" or "in 4 minutes", or ''.
	 *
	 * @param mixed    $time See timestamp().
	 * @param int|null $now  Seconds since 1970; the clock when null.
	 */
	public static function distance( $time, ?int $now = null ): string {
		$timestamp = self::timestamp( $time );
		if ( null === $timestamp ) {
			return '';
		}
		$now = $now ?? time();
		return $timestamp <= $now
			/* translators: %s: a time span, such as "4 minutes" */
			? sprintf( __( '%s ago', 'smi-bridge' ), human_time_diff( $timestamp, $now ) )
			/* translators: %s: a time span, such as "4 minutes" */
			: sprintf( __( 'in %s', 'smi-bridge' ), human_time_diff( $now, $timestamp ) );
	}

	/**
	 * "850 ms", "12 s", "4 min 10 s", "3 h 5 min": a measured span, short.
	 *
	 * @param float $seconds Seconds.
	 */
	public static function span( float $seconds ): string {
		if ( $seconds < 1 ) {
			/* translators: %s: milliseconds */
			return sprintf( __( '%s ms', 'smi-bridge' ), number_format_i18n( round( 1000 * $seconds ) ) );
		}
		$seconds = (int) round( $seconds );
		$units   = array(
			/* translators: %s: days */
			DAY_IN_SECONDS    => __( '%s d', 'smi-bridge' ),
			/* translators: %s: hours */
			HOUR_IN_SECONDS   => __( '%s h', 'smi-bridge' ),
			/* translators: %s: minutes */
			MINUTE_IN_SECONDS => __( '%s min', 'smi-bridge' ),
			/* translators: %s: seconds */
			1                 => __( '%s s', 'smi-bridge' ),
		);
		$words   = array();
		foreach ( $units as $size => $unit ) {
			if ( $seconds >= $size && count( $words ) < 2 ) {
				$words[]  = sprintf( $unit, number_format_i18n( intdiv( $seconds, $size ) ) );
				$seconds %= $size;
			} elseif ( $words ) {
				break;
			}
		}
		return implode( ' ', $words );
	}

	/**
	 * "$4.80". The shop charges in one currency and does not store which: dollars unless a filter says otherwise.
	 *
	 * @param mixed $amount A number, or words that are passed on as they are.
	 */
	public static function amount( $amount ): string {
		if ( null === $amount || '' === $amount ) {
			return '';
		}
		if ( ! is_numeric( $amount ) ) {
			return (string) $amount;
		}
		/**
		 * Filters how an amount of money is written.
		 *
		 * @param string $words  Such as "$4.80".
		 * @param float  $amount Such as 4.8.
		 */
		return (string) apply_filters( 'smi_bridge_amount', '$' . number_format_i18n( (float) $amount, 2 ), (float) $amount );
	}

	/**
	 * What a customer and the shop call this job when they speak about it: the first block of its id.
	 *
	 * @param mixed $job_id The job's id.
	 */
	public static function reference( $job_id ): string {
		$parts = explode( '-', (string) $job_id );
		return strtoupper( substr( '' === $parts[0] ? (string) $job_id : $parts[0], 0, 12 ) );
	}
}
