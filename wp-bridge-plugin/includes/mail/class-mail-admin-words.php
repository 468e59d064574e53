<?php
/**
 * What the digest to the admin says.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Reason_Labels;
use SmiBridge\Core\Schemas;

defined( 'ABSPATH' ) || exit;

/**
 * Fills a Mail_Message of kind 'admin' from its items.
 */
final class Mail_Admin_Words {

	/**
	 * Fills subject, heading, items, button.
	 *
	 * @param Mail_Message $mail The message to fill.
	 */
	public static function write( Mail_Message $mail ): void {
		$items = array_values( array_filter( (array) ( $mail->facts['items'] ?? array() ), 'is_array' ) );
		foreach ( $items as $item ) {
			$mail->items[] = self::item( $item );
		}
		$more  = (int) ( $mail->facts['more'] ?? 0 );
		$count = count( $items ) + $more;
		$first = $mail->items[0]['title'] ?? '';
		if ( 1 === $count ) {
			/* translators: 1: name of the shop, 2: what is wrong */
			$mail->subject = sprintf( __( '[%1$s] %2$s', 'smi-bridge' ), $mail->shop(), $first );
		} else {
			/* translators: 1: name of the shop, 2: number of things */
			$mail->subject = sprintf( _n( '[%1$s] %2$s thing needs you', '[%1$s] %2$s things need you', $count, 'smi-bridge' ), $mail->shop(), number_format_i18n( $count ) );
		}
		$mail->heading      = 1 === $count ? $first : __( 'The picture shop needs you', 'smi-bridge' );
		$mail->preheader    = implode( ' · ', array_unique( wp_list_pluck( $mail->items, 'title' ) ) );
		$mail->button       = array(
			'label' => __( 'Open the jobs', 'smi-bridge' ),
			'url'   => 1 === $count ? $mail->items[0]['url'] : admin_url( 'admin.php?page=smi-bridge-jobs' ),
		);
		/* translators: %s: number of orders */
		$rest               = $more ? array( sprintf( _n( '%s more order is not listed here: see the list of jobs.', '%s more orders are not listed here: see the list of jobs.', $more, 'smi-bridge' ), number_format_i18n( $more ) ) ) : array();
		$mail->instructions = array_merge( $rest, array( __( 'Everything else goes on by itself. You get at most one such mail in 15 minutes.', 'smi-bridge' ) ) );
	}

	/**
	 * One thing that needs a person: title, what follows, where to go.
	 *
	 * @param array $item `{kind, job_id?, stage?, reason?, detail?, since?}`.
	 */
	private static function item( array $item ): array {
		$kind  = (string) ( $item['kind'] ?? '' );
		$words = Schemas::get( 'reasons' )['notices'];
		$words = array_map( array( Schemas::class, 'translated' ), $words[ $kind ] ?? $words['other'] );
		$job   = (string) ( $item['job_id'] ?? '' );
		$view  = 'refund_due' === $kind ? 'failed' : ( 'review' === $kind ? 'review' : 'all' );
		return array(
			'title'  => $words['label'],
			'text'   => trim( ( in_array( $kind, array( 'hold', 'review' ), true ) ? self::cause( (string) ( $item['reason'] ?? '' ) ) : '' ) . ' ' . $words['advice'] ),
			'detail' => trim( wp_strip_all_tags( (string) ( $item['detail'] ?? $item['reason'] ?? '' ) ) ),
			'since'  => Format::moment( $item['since'] ?? '' ),
			'job'    => $job,
			'url'    => '' === $job
				? admin_url( in_array( $kind, array( 'review', 'refund_due' ), true ) ? 'admin.php?page=smi-bridge-jobs&view=' . $view : 'admin.php?page=smi-bridge' )
				: admin_url( 'admin.php?page=smi-bridge-jobs&job=' . rawurlencode( $job ) ),
		);
	}

	/**
	 * What has happened, and what helps; '' when nobody said.
	 *
	 * @param string $reason A stable word.
	 */
	private static function cause( string $reason ): string {
		return '' === $reason ? '' : trim( Reason_Labels::label( $reason ) . '. ' . Reason_Labels::advice( $reason ) );
	}
}
