<?php
/**
 * How the ledger is said to an admin: states, events, outcomes, reasons. Plain text, not escaped.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core\Labels;

use SmiBridge\Core\Format;
use SmiBridge\Core\States;
use SmiBridge\Core\Time_Limits;

defined( 'ABSPATH' ) || exit;

/**
 * Words of the jobs pages, the dashboard and the notices, in the current locale. For the admin only: the customer's words stand in
 * Status_Words and Mail_Words.
 */
final class Job_Labels {

	/** A state's label and its tone: 'busy', 'good', 'warn', 'bad' or 'calm'. @param string $state A state of the ledger. @return string[] Pair. */
	public static function state( string $state ): array {
		$labels = array(
			'paid'       => __( 'Waiting to be submitted', 'smi-bridge' ),
			'submitting' => __( 'Being submitted', 'smi-bridge' ),
			'submitted'  => __( 'Being enlarged', 'smi-bridge' ),
			'enlarged'   => __( 'Being collected', 'smi-bridge' ),
			'stored'     => __( 'Being delivered', 'smi-bridge' ),
			'refunding'  => __( 'Being refunded', 'smi-bridge' ),
			'delivered'  => __( 'Delivered', 'smi-bridge' ),
			'refunded'   => __( 'Refunded', 'smi-bridge' ),
			'review'     => __( 'In review', 'smi-bridge' ),
		);
		return array( $labels[ $state ] ?? $state, States::all()[ $state ]['tone'] ?? 'calm' );
	}

	/** Stages in the order in which a job meets them. */
	public static function stages(): array {
		return array(
			'submit'  => __( 'Submit', 'smi-bridge' ),
			'watch'   => __( 'Watch', 'smi-bridge' ),
			'collect' => __( 'Collect', 'smi-bridge' ),
			'deliver' => __( 'Deliver', 'smi-bridge' ),
			'settle'  => __( 'Settle', 'smi-bridge' ),
		);
	}

	/** An event of the story in words. @param string $event A stable word. */
	public static function event( string $event ): string {
		$events = array(
			'taken_in'            => __( 'Taken over from the shop', 'smi-bridge' ),
			'test_picture'        => __( 'A test picture sets out', 'smi-bridge' ),
			'rerun'               => __( 'Started again by a person', 'smi-bridge' ),
			'forwarded'           => __( 'Handed to the sidecar', 'smi-bridge' ),
			'forward_failed'      => __( 'The sidecar could not be reached', 'smi-bridge' ),
			'submitting'          => __( 'About to be submitted', 'smi-bridge' ),
			'submitted'           => __( 'Accepted by Upsampler', 'smi-bridge' ),
			'not_accepted'        => __( 'Refused by Upsampler', 'smi-bridge' ),
			'resubmit'            => __( 'To be submitted again', 'smi-bridge' ),
			'compress'            => __( 'To be submitted smaller', 'smi-bridge' ),
			'refetch'             => __( 'The result will be downloaded again', 'smi-bridge' ),
			'retry'               => __( 'Will be tried again', 'smi-bridge' ),
			'waiting'             => __( 'Upsampler is at work', 'smi-bridge' ),
			'held'                => __( 'On hold', 'smi-bridge' ),
			'enlarged'            => __( 'Enlarged', 'smi-bridge' ),
			'repaired'              => __( 'The result was repaired', 'smi-bridge' ),
			'stored'              => __( 'Checked and stored', 'smi-bridge' ),
			'delivered'           => __( 'Delivered', 'smi-bridge' ),
			'downloaded'          => __( 'Downloaded by the customer', 'smi-bridge' ),
			'failed'              => __( 'Given up', 'smi-bridge' ),
			'refunding'           => __( 'Refund started', 'smi-bridge' ),
			'refunded'            => __( 'Refunded', 'smi-bridge' ),
			'refund_unknown'      => __( 'Whether the refund went through is unknown', 'smi-bridge' ),
			'refund_failed'       => __( 'The refund failed', 'smi-bridge' ),
			'stopped'             => __( 'Stopped by a person', 'smi-bridge' ),
			'message'             => __( 'A message for the customer', 'smi-bridge' ),
			'resent'              => __( 'Mail sent again by a person', 'smi-bridge' ),
			'renewed'             => __( 'Download link renewed', 'smi-bridge' ),
			'renewal_failed'      => __( 'Download link not renewed', 'smi-bridge' ),
			'erase'               => __( 'Erasure at the sidecar', 'smi-bridge' ),
			'erased'              => __( 'Personal data erased', 'smi-bridge' ),
			'mail:delivered'      => __( 'Mail: picture is ready', 'smi-bridge' ),
			'mail:renewed'        => __( 'Mail: new link', 'smi-bridge' ),
			'mail:reminder'       => __( 'Mail: link ends soon', 'smi-bridge' ),
			'mail:delayed'        => __( 'Mail: takes longer', 'smi-bridge' ),
			'mail:refunded'       => __( 'Mail: refund', 'smi-bridge' ),
			'mail:review'         => __( 'Mail: a person looks at it', 'smi-bridge' ),
			'mail:message'        => __( 'Mail: message', 'smi-bridge' ),
			'refund'              => __( 'Refund', 'smi-bridge' ),
		);
		$kind = implode( ':', array_slice( explode( ':', $event ), 0, 2 ) ); // What follows tells one mail of a kind from another.
		return $events[ $kind ] ?? ucfirst( str_replace( array( '_', ':', '.' ), ' ', $event ) );
	}

	/** The name of a fact of the story in words. @param string $name As in the story's detail. */
	public static function fact( string $name ): string {
		$facts = array(
			'submission'   => __( 'submission', 'smi-bridge' ),
			'upsampler_id' => __( 'Upsampler’s id', 'smi-bridge' ),
			'credits'      => __( 'credits', 'smi-bridge' ),
			'reason'       => __( 'reason', 'smi-bridge' ),
			'detail'       => __( 'detail', 'smi-bridge' ),
			'refund'       => __( 'refund', 'smi-bridge' ),
			'path'         => __( 'file', 'smi-bridge' ),
			'bytes'        => __( 'size', 'smi-bridge' ),
			'width'        => __( 'dimensions', 'smi-bridge' ),
			'format'       => __( 'format', 'smi-bridge' ),
			'expires_at'   => __( 'link ends', 'smi-bridge' ),
			'outcome'      => __( 'outcome', 'smi-bridge' ),
			'amount'       => __( 'amount', 'smi-bridge' ),
			'user'         => __( 'by', 'smi-bridge' ),
		);
		return $facts[ $name ] ?? str_replace( '_', ' ', $name );
	}

	/** The outcome of an effect in words. @param array $effect A row of the table of effects. @param bool $is_unknown See Effects::is_unknown(). */
	public static function outcome( array $effect, bool $is_unknown ): string {
		if ( null === $effect['outcome'] ) {
			return $is_unknown ? __( 'outcome unknown: please check', 'smi-bridge' ) : __( 'under way', 'smi-bridge' );
		}
		return self::ending( $effect['outcome'] );
	}

	/** An outcome in words; what is not known is said as it is. @param string $outcome As in the ledger or the story. */
	public static function ending( string $outcome ): string {
		$outcomes = array(
			'sent'       => __( 'sent', 'smi-bridge' ),
			'no_address' => __( 'no address', 'smi-bridge' ),
			'failed'     => __( 'failed', 'smi-bridge' ),
			'disabled'   => __( 'switched off', 'smi-bridge' ),
			'due'        => __( 'about to be sent', 'smi-bridge' ),
			'overtaken'  => __( 'no longer needed', 'smi-bridge' ),
			'refunded'   => __( 'done', 'smi-bridge' ),
			'done'       => __( 'done', 'smi-bridge' ),
		);
		return $outcomes[ $outcome ] ?? $outcome;
	}

	/** What a failure meant for the money. @param string $refund 'yes' or 'review', as in job.failed. */
	public static function refund( string $refund ): string {
		$words = array(
			'yes'    => __( 'yes', 'smi-bridge' ),
			'review' => __( 'a person decides', 'smi-bridge' ),
		);
		return $words[ $refund ] ?? $refund;
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
}
