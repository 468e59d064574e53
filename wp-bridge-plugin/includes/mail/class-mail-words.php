<?php
/**
 * What each mail to a customer says. Plain text only; layout and escaping are the templates' care.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Mail;

use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Reason_Labels;
use SmiBridge\Core\Reasons;

defined( 'ABSPATH' ) || exit;

/**
 * Fills a Mail_Message with the words of its kind.
 */
final class Mail_Words {

	/**
	 * Fills subject, preheader, heading, paragraphs, button, instructions.
	 *
	 * @param Mail_Message $mail The message to fill.
	 */
	public static function write( Mail_Message $mail ): void {
		$shop = $mail->shop();
		$own  = self::own_words( $mail->facts );
		$page = self::page( $mail->facts );
		switch ( $mail->kind ) {
			case 'delivered':
				self::delivered( $mail, $shop, $page );
				break;
			case 'reminder':
				self::reminder( $mail, $shop, $page );
				break;
			case 'delayed':
				/* translators: %s: name of the shop */
				$mail->subject    = sprintf( __( 'Your picture takes a little longer - %s', 'smi-bridge' ), $shop );
				$mail->preheader  = __( 'Nothing is lost: we keep working on it by ourselves.', 'smi-bridge' );
				$mail->heading    = __( 'Your picture takes a little longer', 'smi-bridge' );
				$mail->paragraphs = $own ? $own : array( __( 'Enlarging your picture takes longer than usual. Your order is safe and we keep working on it; you don’t need to do anything.', 'smi-bridge' ) );
				$mail->instructions = array( __( 'As soon as it is ready you get a mail with the download link. If it can’t be made, you get your money back.', 'smi-bridge' ) );
				$mail->button       = $page;
				break;
			case 'review':
				/* translators: %s: name of the shop */
				$mail->subject    = sprintf( __( 'We are looking at your picture - %s', 'smi-bridge' ), $shop );
				$mail->preheader  = __( 'A person is taking care of your order now.', 'smi-bridge' );
				$mail->heading    = __( 'A person is looking at your picture', 'smi-bridge' );
				$mail->paragraphs = $own ? $own : array( __( 'Enlarging your picture did not go as planned, so one of us is looking at it now. You don’t need to do anything.', 'smi-bridge' ) );
				$mail->instructions = array( __( 'You will hear from us: either with your finished picture or with your money back.', 'smi-bridge' ) );
				$mail->button       = $page;
				break;
			case 'refunded':
				self::refunded( $mail, $shop, $own );
				break;
			default:
				/* translators: %s: name of the shop */
				$mail->subject    = sprintf( __( 'About your picture - %s', 'smi-bridge' ), $shop );
				$mail->heading    = __( 'About your picture', 'smi-bridge' );
				$mail->paragraphs = $own;
				$mail->preheader  = $own[0] ?? '';
				$mail->button     = $page;
		}
	}

	/** The file is there. */
	private static function delivered( Mail_Message $mail, string $shop, ?array $page ): void {
		/* translators: %s: name of the shop */
		$mail->subject      = sprintf( __( 'Your enlarged picture is ready - %s', 'smi-bridge' ), $shop );
		$mail->preheader    = $mail->rows ? implode( ' · ', array_filter( array( Format::dimensions( $mail->facts['width'] ?? 0, $mail->facts['height'] ?? 0 ), Format::size( $mail->facts['bytes'] ?? 0 ) ) ) ) : '';
		$mail->heading      = __( 'Your picture is ready', 'smi-bridge' );
		$mail->paragraphs   = array( __( 'Thank you for your order. Your picture has been enlarged and checked, and is waiting for you.', 'smi-bridge' ) );
		$mail->button       = self::download( $mail->facts ) ?? $page;
		$mail->instructions = self::how_to( $mail->facts );
	}

	/** The link dies soon. */
	private static function reminder( Mail_Message $mail, string $shop, ?array $page ): void {
		$until = Format::moment( $mail->facts['expires_at'] ?? '' );
		/* translators: %s: name of the shop */
		$mail->subject      = sprintf( __( 'Your download link ends soon - %s', 'smi-bridge' ), $shop );
		$mail->heading      = __( 'Have you saved your picture?', 'smi-bridge' );
		$mail->paragraphs   = array(
			'' === $until
				? __( 'The link to your enlarged picture ends soon. If you have saved the file already, all is well.', 'smi-bridge' )
				/* translators: %s: date, time and time zone */
				: sprintf( __( 'The link to your enlarged picture ends on %s. If you have saved the file already, all is well.', 'smi-bridge' ), $until ),
		);
		$mail->preheader    = $mail->paragraphs[0];
		$mail->button       = self::download( $mail->facts ) ?? $page;
		$mail->instructions = self::how_to( $mail->facts );
	}

	/** Apology and refund. */
	private static function refunded( Mail_Message $mail, string $shop, array $own ): void {
		$amount = Format::amount( $mail->facts['amount'] ?? '' );
		/* translators: %s: name of the shop */
		$mail->subject      = sprintf( __( 'Your refund - %s', 'smi-bridge' ), $shop );
		$mail->preheader    = __( 'We could not make your picture, and your money is on its way back.', 'smi-bridge' );
		$mail->heading      = __( 'We’re sorry: your money is on its way back', 'smi-bridge' );
		$returned           = '' === $amount
			? __( 'We have refunded what you paid, to the card or account that you paid with.', 'smi-bridge' )
			/* translators: %s: amount of money */
			: sprintf( __( 'We have refunded %s to the card or account that you paid with.', 'smi-bridge' ), $amount );
		if ( Reasons::BY_PERSON === ( $mail->facts['reason'] ?? '' ) ) {
			// A person decided, perhaps about a good picture: no excuse is made up.
			$mail->heading    = __( 'Your money is on its way back', 'smi-bridge' );
			$mail->preheader  = $returned;
			$mail->paragraphs = array_merge( $own, array( $returned ) );
		} else {
			$sorry            = array( __( 'We could not enlarge your picture, and we are sorry about that.', 'smi-bridge' ) );
			$mail->paragraphs = array_merge( $sorry, $own ? $own : array( Reason_Labels::for_customer( $mail->facts['reason'] ?? '' ) ), array( $returned ) );
		}
		$mail->instructions = array( __( 'Your bank may take 5 to 10 working days to show it on your statement. You don’t need to do anything.', 'smi-bridge' ) );
	}

	/**
	 * The words that the sidecar or an admin gave, as paragraphs.
	 *
	 * @param array $facts The facts.
	 */
	private static function own_words( array $facts ): array {
		$words = trim( wp_strip_all_tags( (string) ( $facts['customer_message'] ?? '' ) ) );
		$parts = '' === $words ? array() : preg_split( '/\R{2,}/u', $words, -1, PREG_SPLIT_NO_EMPTY );
		return $parts ? $parts : array_filter( array( $words ) );
	}

	/** The download button, when there is a link. */
	private static function download( array $facts ): ?array {
		$url = esc_url_raw( (string) ( $facts['download_url'] ?? '' ), array( 'http', 'https' ) );
		return '' === $url ? null : array(
			'label' => __( 'Download your picture', 'smi-bridge' ),
			'url'   => $url,
		);
	}

	/** The button to the status page. */
	private static function page( array $facts ): ?array {
		$url = esc_url_raw( (string) ( $facts['status_url'] ?? '' ), array( 'http', 'https' ) );
		if ( '' === $url && ! empty( $facts['job_id'] ) ) {
			$url = esc_url_raw( (string) apply_filters( 'smi_bridge_status_url', '', (string) $facts['job_id'] ), array( 'http', 'https' ) );
		}
		return '' === $url ? null : array(
			'label' => __( 'See how it goes', 'smi-bridge' ),
			'url'   => $url,
		);
	}

	/** How to save and use the file. */
	private static function how_to( array $facts ): array {
		$steps  = array( __( 'Press the button to save the file. You may download it as often as you like until the link ends, and a broken download can be resumed.', 'smi-bridge' ) );
		$pixels = (int) ( $facts['width'] ?? 0 ) * (int) ( $facts['height'] ?? 0 );
		if ( $pixels > 50000000 ) {
			$steps[] = __( 'The picture is very large. On a phone, save it and open it on a computer.', 'smi-bridge' );
		}
		$steps[] = __( 'Please keep a copy: the link ends at the time shown above. Anyone who has the link can download the file, so share it with care.', 'smi-bridge' );
		return $steps;
	}
}
