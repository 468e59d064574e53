<?php
/**
 * Mails that nobody's message triggers: "it takes longer" and "your link ends soon". Each once for an attempt, or for a link.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Log;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Request;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;

defined( 'ABSPATH' ) || exit;

/**
 * Runs every ten minutes by WP-Cron, or after a visit of the sidecar where WP-Cron does not run. A run that is missed is made up by
 * the next one.
 */
final class Scheduled_Mails {

	const HOOK = 'smi_bridge_follow_up';

	/** Most mails of one run: a mailer that is slow must not hold WP-Cron up. */
	const MOST = 50;

	/** Adds the interval. @param array $schedules Schedules. */
	public static function interval( $schedules ): array {
		$schedules['smi_bridge_ten_minutes'] = array(
			'interval' => 10 * MINUTE_IN_SECONDS,
			'display'  => __( 'Every ten minutes (SMI Bridge)', 'smi-bridge' ),
		);
		return (array) $schedules;
	}

	/** Puts the run into the timetable. */
	public static function schedule(): void {
		if ( ! wp_next_scheduled( self::HOOK ) ) {
			wp_schedule_event( time() + MINUTE_IN_SECONDS, 'smi_bridge_ten_minutes', self::HOOK );
		}
	}

	/** The sidecar was here: if WP-Cron has left a run out, it is made up for as soon as the answer is sent. */
	public static function make_up(): void {
		$due = wp_next_scheduled( self::HOOK );
		if ( $due && $due < time() - Time_Limits::MAILS_LATE && wp_reschedule_event( $due, 'smi_bridge_ten_minutes', self::HOOK ) ) {
			wp_unschedule_event( $due, self::HOOK );
			add_action(
				'shutdown',
				static function () {
					Request::finish();
					do_action( self::HOOK );
				},
				1050
			);
		}
	}

	/** One run. */
	public static function run(): void {
		if ( ! Settings::is_connected() ) {
			return;
		}
		try {
			foreach ( self::ended( time() ) as $row ) {
				Customer_Mail::now( Customer_Mail::once( $row, (string) Customer_Mail::effect_of( $row['state'] ) ) );
			}
			foreach ( self::delayed( time() ) as $row ) {
				Customer_Mail::now( Customer_Mail::once( $row, 'mail:delayed' ) );
			}
			foreach ( self::ending( time() ) as $row ) {
				Customer_Mail::now( Customer_Mail::once( $row, 'mail:reminder:' . preg_replace( '/[^0-9]/', '', $row['expires_at'] ) ) );
			}
			History::write();
		} catch ( Database_Error $fault ) {
			Log::write( 'follow_up_failed', $fault->getMessage() );
		}
	}

	/**
	 * Attempts that were delivered or refunded, whose mail was never begun, and whom the sidecar has not told again since: the request
	 * ended too early, and the sidecar has lost its memory.
	 *
	 * @param int $now Unix seconds.
	 */
	private static function ended( int $now ): array {
		$when = array( Sql::utc( $now - DAY_IN_SECONDS ), Sql::utc( $now - Time_Limits::PAST_DUE ) );
		return array_merge(
			self::unmailed( "l.state = 'delivered' AND l.event = 'delivered' AND l.revoked_at IS NULL AND l.updated_at BETWEEN %s AND %s", $when, "'mail:delivered'" ),
			self::unmailed( "l.state = 'refunded' AND l.event = 'refunded' AND l.reason <> " . Sql::value( Reasons::BY_PROVIDER ) . ' AND l.delivered_at IS NULL AND l.updated_at BETWEEN %s AND %s', $when, "'mail:refunded'" )
		);
	}

	/**
	 * Attempts that are still unfinished long after payment. Not those that are much older: their customers have heard already, or
	 * the bridge was away and a person looks at them first.
	 *
	 * @param int $now Unix seconds.
	 */
	private static function delayed( int $now ): array {
		if ( ! Mail_Settings::is_on( 'delayed' ) ) {
			return array();
		}
		/** Filters the seconds after payment at which a customer is told that it takes longer. */
		$after = (int) apply_filters( 'smi_bridge_delayed_after', Time_Limits::DELAYED_MAIL );
		$open  = implode( ', ', array_map( array( Sql::class, 'value' ), array_diff( States::where_settled( false ), array( 'refunding' ) ) ) );
		return self::unmailed( "l.state IN ($open) AND l.created_at BETWEEN %s AND %s", array( Sql::utc( $now - DAY_IN_SECONDS ), Sql::utc( $now - $after ) ), "'mail:delayed'" );
	}

	/**
	 * Delivered attempts whose link ends soon, unless it was short-lived from the beginning.
	 *
	 * @param int $now Unix seconds.
	 */
	private static function ending( int $now ): array {
		$hours = (int) Mail_Settings::get( 'reminder', 0 );
		if ( $hours < 1 || ! Mail_Settings::is_on( 'reminder' ) ) {
			return array();
		}
		$before = $hours * HOUR_IN_SECONDS;
		return self::unmailed(
			// The index knows state and updated_at; a link's life is the shop's setting, or what it was at most 90 days ago.
			"l.state = 'delivered' AND l.updated_at > %s AND l.revoked_at IS NULL AND l.expires_at BETWEEN %s AND %s AND TIMESTAMPDIFF( SECOND, l.updated_at, l.expires_at ) >= %d",
			array( Sql::utc( $now - 90 * DAY_IN_SECONDS ), Sql::utc( $now ), Sql::utc( $now + $before ), 2 * $before ),
			"CONCAT( 'mail:reminder:', DATE_FORMAT( l.expires_at, '%%Y%%m%%d%%H%%i%%s' ) )"
		);
	}

	/**
	 * Newest attempts that pass a test and have no such mail yet.
	 *
	 * @param string $where  Test with placeholders.
	 * @param array  $values Their values.
	 * @param string $effect SQL of the effect's name.
	 */
	private static function unmailed( string $where, array $values, string $effect ): array {
		$mailed = 'LEFT JOIN ' . Sql::table( 'effects' ) . " e ON e.job_id = l.job_id AND e.attempt = l.attempt AND e.effect = $effect";
		return Ledger::newest_where( "e.id IS NULL AND $where ORDER BY l.id LIMIT " . self::MOST, $values, 'l.*', $mailed );
	}
}
