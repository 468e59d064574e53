<?php
/**
 * How the ledger is said to an admin: states, events, outcomes, reasons. Plain text, not escaped.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core\Labels;

use SmiBridge\Core\Format;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * Words of the jobs pages, the dashboard and the notices, in the current locale. For the admin only: the customer's words stand in
 * schemas/view.json and Mail_Words.
 */
final class Job_Labels {

	/** A state's label and its tone: 'busy', 'good', 'warn', 'bad' or 'calm'. @param string $state A state of the ledger. @return string[] Pair. */
	public static function state( string $state ): array {
		$known = States::all()[ $state ] ?? array( 'label' => $state, 'tone' => 'calm' ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		return array( Schemas::translated( $known['label'] ), $known['tone'] );
	}

	/** Stages in the order in which a job meets them. */
	public static function stages(): array {
		return Schemas::words( 'history', 'stages' );
	}

	/** An event of the history in words. @param string $event A stable word; a mail's may end in a key of its own. */
	public static function event( string $event ): string {
		$kind = implode( ':', array_slice( explode( ':', $event ), 0, 2 ) );
		return self::known( 'events', $kind, ucfirst( str_replace( array( '_', ':', '.' ), ' ', $event ) ) );
	}

	/** Colour of an event of the history: 'good', 'warn', 'bad' or 'calm'. @param string $event A stable word. */
	public static function tone( string $event ): string {
		return Schemas::get( 'history' )['tones'][ $event ] ?? 'calm';
	}

	/** The name of a fact of the history in words. @param string $name As in the history's detail. */
	public static function fact( string $name ): string {
		return self::known( 'facts', $name, str_replace( '_', ' ', $name ) );
	}

	/** The outcome of an effect in words. @param array $effect A row of the table of effects. @param bool $is_unknown See Effects::is_unknown(). */
	public static function outcome( array $effect, bool $is_unknown ): string {
		if ( null === $effect['outcome'] ) {
			return $is_unknown ? __( 'outcome unknown: please check', 'smi-bridge' ) : __( 'under way', 'smi-bridge' );
		}
		return self::ending( $effect['outcome'] );
	}

	/** An outcome in words; what is not known is said as it is. @param string $outcome As in the ledger or the history. */
	public static function ending( string $outcome ): string {
		return self::known( 'outcomes', $outcome, $outcome );
	}

	/** What a failure meant for the money. @param string $refund 'yes' or 'review', as in job.failed. */
	public static function refund( string $refund ): string {
		return self::known( 'refunds', $refund, $refund );
	}

	/**
	 * Words of schemas/history.json.
	 *
	 * @param string $kind      Part of the file.
	 * @param string $word      A stable word.
	 * @param string $otherwise Said of a word that is not there.
	 */
	private static function known( string $kind, string $word, string $otherwise ): string {
		$words = Schemas::get( 'history' )[ $kind ][ $word ] ?? '';
		return '' === $words ? $otherwise : Schemas::translated( $words );
	}

	/**
	 * What a row waits for, in one line; '' when there is nothing to say.
	 *
	 * @param array $row A ledger row.
	 */
	public static function next( array $row ): string {
		if ( States::is_settled( $row['state'] ) ) {
			return '';
		}
		if ( $row['next_try_at'] && Format::timestamp( $row['next_try_at'] ) > time() ) {
			/* translators: %s: time span, such as "in 3 minutes" */
			return sprintf( __( 'next try %s', 'smi-bridge' ), Format::distance( $row['next_try_at'] ) );
		}
		/* translators: %s: time span, such as "3 minutes ago" */
		return sprintf( __( 'last change %s', 'smi-bridge' ), Format::distance( $row['updated_at'] ) );
	}

	/** Whether work on a row has stood still for too long. @param array $row A ledger row. */
	public static function is_past_due( array $row ): bool {
		$now = time();
		return ! States::is_settled( $row['state'] )
			&& Format::timestamp( $row['updated_at'] ) < $now - Time_Limits::PAST_DUE
			&& ( ! $row['next_try_at'] || Format::timestamp( $row['next_try_at'] ) < $now );
	}

	/**
	 * A state as a badge.
	 *
	 * @param array $row A ledger row.
	 * @return string HTML.
	 */
	public static function badge( array $row ): string {
		list( $label, $tone ) = self::is_past_due( $row ) ? array( self::state( $row['state'] )[0], 'warn' ) : self::state( $row['state'] );
		return sprintf( '<span class="smib-badge %s">%s</span>', esc_attr( $tone ), esc_html( $label ) );
	}

	/** What has happened, in a few words; a code that is not known here (a newer sidecar's) as it is, readable. @param string|null $code A stable code. */
	public static function reason( ?string $code ): string {
		$words = self::of_reason( $code )['label'] ?? '';
		return '' === $words ? ucfirst( str_replace( '_', ' ', (string) $code ) ) : Schemas::translated( $words );
	}

	/** What a person can do about a job that waits for him, or ''. @param string|null $code A stable code. */
	public static function advice( ?string $code ): string {
		return Schemas::translated( self::of_reason( $code )['advice'] ?? '' );
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
	private static function of_reason( ?string $code ): array {
		return Schemas::get( 'reasons' )['reasons'][ (string) $code ] ?? array();
	}
}
