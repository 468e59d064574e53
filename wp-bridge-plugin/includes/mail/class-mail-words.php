<?php
/**
 * What mails say: to customers the sentences of schemas/mails.json, with the facts filled in; to the admin what needs a person.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Reasons;
use SmiBridge\Core\Schemas;

defined( 'ABSPATH' ) || exit;

/**
 * Fills a Mail_Message with the words of its kind.
 */
final class Mail_Words {

	/** Pixels from which a picture is very large. */
	const LARGE = 50000000;

	/**
	 * Fills subject, preheader, heading, paragraphs, button, instructions.
	 *
	 * @param Mail_Message $mail The message to fill.
	 */
	public static function write( Mail_Message $mail ): void {
		if ( 'admin' === $mail->kind ) {
			self::write_digest( $mail );
			return;
		}
		// A person decided to refund, perhaps for a good picture: no excuse is made up.
		$by_person = 'refunded' === $mail->kind && Reasons::BY_PERSON === ( $mail->facts['reason'] ?? '' );
		$words     = Schemas::get( 'mails' )['mails'][ $by_person ? 'refunded_by_person' : $mail->kind ];
		$facts     = self::facts( $mail );
		foreach ( array( 'paragraphs', 'instructions' ) as $part ) {
			foreach ( $words[ $part ] as $sentence ) { // Bytewise: with /u, text that is no UTF-8 has no paragraph at all.
				$mail->$part = array_merge( $mail->$part, preg_split( '/(*BSR_ANYCRLF)\R{2,}/', self::said( $sentence, $facts ), -1, PREG_SPLIT_NO_EMPTY ) );
			}
		}
		$mail->subject   = self::said( $words['subject'], $facts );
		$mail->heading   = self::said( $words['heading'], $facts );
		$mail->preheader = isset( $words['preheader'] ) ? self::said( $words['preheader'], $facts ) : ( $mail->paragraphs[0] ?? '' );
		$mail->button    = self::button( $words['button'], $mail->facts );
	}

	/** {name} => words, of those that are known. @param Mail_Message $mail The message. @return string[] */
	private static function facts( Mail_Message $mail ): array {
		$facts  = $mail->facts + array_fill_keys( array( 'width', 'height', 'bytes', 'expires_at', 'amount', 'reason', 'customer_message' ), '' );
		$pixels = (int) $facts['width'] * (int) $facts['height'];
		return array_filter(
			array(
				'{shop}'   => $mail->shop(),
				'{file}'   => implode( ' · ', array_filter( array( Format::dimensions( $facts['width'], $facts['height'] ), Format::size( $facts['bytes'] ) ) ) ),
				'{until}'  => Format::moment( $facts['expires_at'] ),
				'{amount}' => Format::amount( $facts['amount'] ),
				'{reason}' => Job_Labels::for_customer( (string) $facts['reason'] ),
				'{own}'    => trim( wp_strip_all_tags( (string) $facts['customer_message'] ) ),
				'{large}'  => $pixels > self::LARGE ? self::part( 'large' ) : '',
			),
			'strlen'
		);
	}

	/**
	 * The first of some sentences whose names are all known; '' if none is. Without an amount, `["We have refunded {amount}.", "We have
	 * refunded you."]` says the second.
	 *
	 * @param string|string[] $sentences As in the file.
	 * @param string[]        $facts     See facts().
	 */
	private static function said( $sentences, array $facts ): string {
		foreach ( (array) $sentences as $sentence ) {
			$sentence = Schemas::translated( $sentence );
			preg_match_all( '/\{\w+\}/', $sentence, $names );
			if ( ! array_diff( $names[0], array_keys( $facts ) ) ) {
				return strtr( $sentence, $facts );
			}
		}
		return '';
	}

	/** Words that are no mail of their own. @param string $name As in the file. */
	private static function part( string $name ): string {
		return Schemas::translated( Schemas::get( 'mails' )['parts'][ $name ] );
	}

	/**
	 * The button: to the file, else to the page that shows how it goes.
	 *
	 * @param string $kind  download, page or none.
	 * @param array  $facts The facts.
	 */
	private static function button( string $kind, array $facts ): ?array {
		$urls = array(
			'download' => 'download' === $kind ? (string) ( $facts['download_url'] ?? '' ) : '',
			'page'     => (string) ( $facts['status_url'] ?? '' ),
		);
		if ( '' === $urls['page'] && ! empty( $facts['job_id'] ) ) {
			$urls['page'] = (string) apply_filters( 'smi_bridge_status_url', '', (string) $facts['job_id'] );
		}
		foreach ( 'none' === $kind ? array() : $urls as $name => $url ) {
			$url = esc_url_raw( $url, array( 'http', 'https' ) );
			if ( '' !== $url ) {
				return array( 'label' => self::part( $name ) ) + compact( 'url' );
			}
		}
		return null;
	}

	/**
	 * The digest to the admin: subject, heading, items, button.
	 *
	 * @param Mail_Message $mail The message to fill.
	 */
	private static function write_digest( Mail_Message $mail ): void {
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
			'url'   => 1 === $count ? $mail->items[0]['url'] : Admin_Access::url( 'jobs' ),
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
		$words = Schemas::in_words( $words[ $kind ] ?? $words['other'] );
		$job   = (string) ( $item['job_id'] ?? '' );
		$view  = 'refund_due' === $kind ? 'failed' : ( 'review' === $kind ? 'review' : 'all' );
		return array(
			'title'  => $words['label'],
			'text'   => trim( ( in_array( $kind, array( 'hold', 'review' ), true ) ? self::cause( (string) ( $item['reason'] ?? '' ) ) : '' ) . ' ' . $words['advice'] ),
			'detail' => trim( wp_strip_all_tags( (string) ( $item['detail'] ?? $item['reason'] ?? '' ) ) ),
			'since'  => Format::moment( $item['since'] ?? '' ),
			'job'    => $job,
			'url'    => '' === $job && 'all' === $view ? Admin_Access::url( 'dashboard' ) : Admin_Access::url( 'jobs', '' === $job ? compact( 'view' ) : compact( 'job' ) ),
		);
	}

	/**
	 * What has happened, and what helps; '' when nobody said.
	 *
	 * @param string $reason A stable word.
	 */
	private static function cause( string $reason ): string {
		return '' === $reason ? '' : trim( Job_Labels::reason( $reason ) . '. ' . Job_Labels::advice( $reason ) );
	}
}
