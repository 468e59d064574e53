<?php
/**
 * Every word of the customer's view. Plain text; `%s` and `%1$s` are filled by the script.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

defined( 'ABSPATH' ) || exit;

/**
 * One list, read by the script and by the HTML that stands in for it, so that both say the same. No facts of a job are in it.
 */
final class Status_Words {

	/** Key => words in the current locale. `title_<phase>`, `lead_<phase>` and `note_<phase>` follow the phases of the contract. */
	public static function all(): array {
		$words = self::phases() + array(
			'step_paid'      => __( 'Paid', 'smi-bridge' ),
			'step_queued'    => __( 'Waiting to start', 'smi-bridge' ),
			'step_enlarging' => __( 'Enlarging', 'smi-bridge' ),
			'step_checking'  => __( 'Quality check', 'smi-bridge' ),
			'step_ready'     => __( 'Ready to download', 'smi-bridge' ),
			'state_done'     => __( '(done)', 'smi-bridge' ),
			'state_now'      => __( '(now)', 'smi-bridge' ),
			'state_todo'     => __( '(to come)', 'smi-bridge' ),
			'steps'          => __( 'Steps', 'smi-bridge' ),
			'progress'       => __( 'Progress', 'smi-bridge' ),
			'left_less'      => __( 'Less than a minute left', 'smi-bridge' ),
			'left_one'       => __( 'About a minute left', 'smi-bridge' ),
			/* translators: %s: number of minutes */
			'left_many'      => __( 'About %s min left', 'smi-bridge' ),
			/* translators: %s: position in the queue */
			'position'       => __( 'Number %s in line', 'smi-bridge' ),
			/* translators: %s: time of day */
			'next_try'       => __( 'Next try at %s.', 'smi-bridge' ),
			'picture'        => __( 'Picture', 'smi-bridge' ),
			'dimensions'     => __( 'Dimensions', 'smi-bridge' ),
			/* translators: 1: width, 2: height */
			'pixels'         => __( '%1$s × %2$s pixels', 'smi-bridge' ),
			'file'           => __( 'File', 'smi-bridge' ),
			'until'          => __( 'Available until', 'smi-bridge' ),
			'ended'          => __( 'Was available until', 'smi-bridge' ),
			'download'       => __( 'Download', 'smi-bridge' ),
			'offline'        => __( 'The connection is interrupted. We keep trying; your order is not affected.', 'smi-bridge' ),
			'help'           => __( 'Questions?', 'smi-bridge' ),
			/* translators: %s: reference of the order */
			'reference'      => __( 'Reference %s', 'smi-bridge' ),
			'close'          => __( 'Close', 'smi-bridge' ),
			'dismiss'        => __( 'Don’t show this any more', 'smi-bridge' ),
			'yours'          => __( 'Your pictures', 'smi-bridge' ),
			/* translators: %s: share done, such as "40%" */
			'pill_working'   => __( 'Your picture: %s', 'smi-bridge' ),
			'pill_ready'     => __( 'Your picture is ready', 'smi-bridge' ),
			'pill_news'      => __( 'News about your picture', 'smi-bridge' ),
			'cancelled'      => __( 'The payment was cancelled. You have not been charged, and can try again whenever you like.', 'smi-bridge' ),
			/* translators: %s: number of bytes */
			'bytes'          => __( '%s bytes', 'smi-bridge' ),
			/* translators: %s: number of kilobytes */
			'kB'             => __( '%s kB', 'smi-bridge' ),
			/* translators: %s: number of megabytes */
			'MB'             => __( '%s MB', 'smi-bridge' ),
			/* translators: %s: number of gigabytes */
			'GB'             => __( '%s GB', 'smi-bridge' ),
		);
		/** Filters the words of the customer's view. */
		return (array) apply_filters( 'smi_bridge_status_words', $words );
	}

	/** Title, lead and note of each phase. */
	private static function phases(): array {
		$close = __( 'You may close this page: the work goes on without it, and the download link comes by mail if we have your address.', 'smi-bridge' );
		return array(
			'title_confirming' => __( 'Confirming your payment', 'smi-bridge' ),
			'lead_confirming'  => __( 'This takes a moment.', 'smi-bridge' ),
			'note_confirming'  => $close,
			'title_queued'     => __( 'Thank you! Your picture is in line', 'smi-bridge' ),
			'lead_queued'      => __( 'Your payment has arrived, and we start as soon as it is your turn.', 'smi-bridge' ),
			'note_queued'      => $close,
			'title_enlarging'  => __( 'Your picture is being enlarged', 'smi-bridge' ),
			'lead_enlarging'   => __( 'Every detail is worked out anew, which takes a little while.', 'smi-bridge' ),
			'note_enlarging'   => $close,
			'title_checking'   => __( 'We are checking your picture', 'smi-bridge' ),
			'lead_checking'    => __( 'It is enlarged. We make sure that the file is whole and has the size that you bought.', 'smi-bridge' ),
			'note_checking'    => $close,
			'title_delivering' => __( 'Almost there', 'smi-bridge' ),
			'lead_delivering'  => __( 'Your picture is finished, and the download link is being made.', 'smi-bridge' ),
			'note_delivering'  => $close,
			'title_ready'      => __( 'Your picture is ready', 'smi-bridge' ),
			'lead_ready'       => __( 'It has been enlarged and checked, and is waiting for you.', 'smi-bridge' ),
			'note_ready'       => __( 'You may download it as often as you like until then. Please keep a copy.', 'smi-bridge' ),
			'note_no_link'     => __( 'To download it, use the link in the mail that we sent you.', 'smi-bridge' ),
			'title_delayed'    => __( 'It takes a little longer than usual', 'smi-bridge' ),
			'lead_delayed'     => __( 'Nothing is lost and you don’t need to do anything: we keep trying by ourselves.', 'smi-bridge' ),
			'note_delayed'     => __( 'You may close this page. You will hear from us either way: with your picture, or with your money back.', 'smi-bridge' ),
			'title_in_review'  => __( 'A person is looking at your picture', 'smi-bridge' ),
			'lead_in_review'   => __( 'It did not go as planned, so one of us is taking care of it now. You don’t need to do anything.', 'smi-bridge' ),
			'note_in_review'   => __( 'You will hear from us: either with your finished picture or with your money back.', 'smi-bridge' ),
			'title_refunding'  => __( 'Your money is being sent back', 'smi-bridge' ),
			'lead_refunding'   => __( 'We could not make this picture, and we are sorry about that. Your refund is under way.', 'smi-bridge' ),
			'note_refunding'   => '',
			'title_refunded'   => __( 'You have your money back', 'smi-bridge' ),
			'lead_refunded'    => __( 'We could not make this picture, and we are sorry about that. What you paid has been refunded to the card or account that you paid with.', 'smi-bridge' ),
			'note_refunded'    => __( 'Your bank may take 5 to 10 working days to show it on your statement.', 'smi-bridge' ),
			'title_expired'    => __( 'The download link has ended', 'smi-bridge' ),
			'lead_expired'     => __( 'Your picture was ready, and the time to download it is over.', 'smi-bridge' ),
			'note_expired'     => __( 'Did you miss it? Write to us with the reference below, and we will see what we can do.', 'smi-bridge' ),
			'title_unknown'    => __( 'We can’t find this order', 'smi-bridge' ),
			'lead_unknown'     => __( 'The address may be incomplete, or the order is too old to be shown here.', 'smi-bridge' ),
			'note_unknown'     => __( 'If you have paid, write to us with the reference below. Your order is not lost.', 'smi-bridge' ),
		);
	}
}
