<?php
/**
 * What mails to customers say: the sentences of schemas/mails.json, with the facts filled in.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Reason_Labels;
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
				'{reason}' => Reason_Labels::for_customer( (string) $facts['reason'] ),
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
}
