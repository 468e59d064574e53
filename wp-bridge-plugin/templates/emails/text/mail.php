<?php
/**
 * The text part of every mail. Override: copy to `<theme>/smi-bridge/emails/text/mail.php`.
 *
 * @var SmiBridge\Mail\Mail_Message $mail The composed mail.
 *
 * @package SmiBridge
 */

// phpcs:disable WordPress.Security.EscapeOutput -- plain text, never read as HTML.
defined( 'ABSPATH' ) || exit;
$smib_wrap = static function ( $words ) {
	return SmiBridge\Mail\Mail_Message::wrap( $words );
};

echo $mail->heading, "\n", str_repeat( '=', max( 4, min( 76, mb_strwidth( $mail->heading ) ) ) ), "\n\n";
foreach ( $mail->paragraphs as $smib_paragraph ) {
	echo $smib_wrap( $smib_paragraph ), "\n\n";
}
foreach ( $mail->items as $smib_item ) {
	echo '* ', $smib_item['title'], "\n", $smib_wrap( $smib_item['text'] ), "\n";
	/* translators: %s: date and time */
	$smib_since = '' === $smib_item['since'] ? '' : sprintf( __( 'Since %s', 'smi-bridge' ), $smib_item['since'] );
	foreach ( array( $smib_item['detail'], $smib_since, $smib_item['url'] ) as $smib_line ) {
		echo '' === $smib_line ? '' : $smib_line . "\n";
	}
	echo "\n";
}
if ( $mail->button ) {
	echo $mail->button['label'], ":\n", $mail->button['url'], "\n\n";
}
foreach ( $mail->rows as $smib_label => $smib_words ) {
	echo $smib_label, ': ', $smib_words, "\n";
}
echo "\n";
foreach ( $mail->instructions as $smib_paragraph ) {
	echo $smib_wrap( $smib_paragraph ), "\n\n";
}
echo "-- \n", $mail->shop(), "\n", home_url( '/' ), "\n";
if ( 'admin' !== $mail->kind && '' !== $mail->support ) {
	/* translators: %s: an e-mail address or the address of a page */
	echo sprintf( __( 'Questions? %s', 'smi-bridge' ), $mail->support ), "\n";
}
