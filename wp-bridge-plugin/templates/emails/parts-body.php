<?php
/**
 * Heading, words, things that need the admin, button, facts, instructions: the body of all mails. Override: copy to `<theme>/smi-bridge/emails/parts-body.php`,
 * or for one kind of mail to `<kind>.php` beside it (delivered, reminder, delayed, review, refunded, message, admin).
 *
 * @var SmiBridge\Mail\Mail_Message $mail The composed mail.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;
$smib_align  = is_rtl() ? 'right' : 'left';
$smib_accent = $mail->accent();
$smib_thumb  = esc_url( (string) ( $mail->facts['preview_url'] ?? '' ), array( 'http', 'https' ) );
?>
<h1 style="margin:0 0 14px;font-size:26px;line-height:1.25;font-weight:700;letter-spacing:-0.01em;color:#1b1f24;"><?php echo esc_html( $mail->heading ); ?></h1>
<?php foreach ( $mail->paragraphs as $smib_paragraph ) : ?>
<p class="smib-text" style="margin:0 0 14px;font-size:16px;line-height:25px;color:#1b1f24;"><?php echo nl2br( esc_html( $smib_paragraph ) ); ?></p>
<?php endforeach; ?>
<?php foreach ( $mail->items as $smib_item ) : ?>
<table role="presentation" class="smib-box" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f7f8fa;border-radius:8px;margin:0 0 12px;">
<tr><td style="padding:16px 18px;">
	<?php if ( count( $mail->items ) > 1 ) : ?>
	<p class="smib-text" style="margin:0 0 4px;font-size:16px;line-height:24px;font-weight:600;color:#1b1f24;"><?php echo esc_html( $smib_item['title'] ); ?></p>
	<?php endif; ?>
	<p class="smib-text" style="margin:0;font-size:15px;line-height:23px;color:#1b1f24;"><?php echo esc_html( $smib_item['text'] ); ?></p>
	<?php if ( '' !== $smib_item['detail'] ) : ?>
	<p class="smib-soft" style="margin:8px 0 0;font-size:13px;line-height:20px;color:#5b6472;font-family:Consolas,Menlo,monospace;word-break:break-word;"><?php echo esc_html( $smib_item['detail'] ); ?></p>
	<?php endif; ?>
	<p class="smib-soft" style="margin:8px 0 0;font-size:13px;line-height:20px;color:#5b6472;">
	<?php
	if ( '' !== $smib_item['since'] ) {
		/* translators: %s: date and time */
		echo esc_html( sprintf( __( 'Since %s', 'smi-bridge' ), $smib_item['since'] ) );
		echo '<br>';
	}
	?>
	<a class="smib-link" href="<?php echo esc_url( $smib_item['url'] ); ?>" style="color:#1d4ed8;">
	<?php
	/* translators: %s: reference of an order */
	echo esc_html( '' === $smib_item['job'] ? __( 'See it in WordPress', 'smi-bridge' ) : sprintf( __( 'Order %s', 'smi-bridge' ), SmiBridge\Core\Format::reference( $smib_item['job'] ) ) );
	?>
	</a></p>
</td></tr>
</table>
<?php endforeach; ?>
<?php if ( '' !== $smib_thumb ) : ?>
<img src="<?php echo esc_url( $smib_thumb ); ?>" alt="" width="520" style="display:block;width:100%;max-width:520px;max-height:320px;object-fit:cover;border:0;border-radius:8px;margin:22px 0 0;">
<?php endif; ?>
<?php if ( $mail->button ) : ?>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" class="smib-button" style="margin:22px 0 26px;">
<tr><td align="center" bgcolor="<?php echo esc_attr( $smib_accent['background'] ); ?>" style="border-radius:8px;background:<?php echo esc_attr( $smib_accent['background'] ); ?>;">
	<a href="<?php echo esc_url( $mail->button['url'] ); ?>" style="display:inline-block;padding:14px 30px;font-size:16px;line-height:22px;font-weight:600;color:<?php echo esc_attr( $smib_accent['text'] ); ?>;text-decoration:none;border-radius:8px;"><?php echo esc_html( $mail->button['label'] ); ?></a>
</td></tr>
</table>
<?php endif; ?>
<?php if ( $mail->rows ) : ?>
<table class="smib-rows" width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;margin:0 0 22px;">
	<?php foreach ( $mail->rows as $smib_label => $smib_words ) : ?>
	<tr>
		<th scope="row" align="<?php echo esc_attr( $smib_align ); ?>" valign="top" style="width:34%;padding:9px 12px 9px 0;font-size:14px;line-height:21px;font-weight:400;color:#5b6472;border-bottom:1px solid #e3e6ea;"><?php echo esc_html( $smib_label ); ?></th>
		<td align="<?php echo esc_attr( $smib_align ); ?>" valign="top" style="padding:9px 0;font-size:14px;line-height:21px;color:#1b1f24;border-bottom:1px solid #e3e6ea;word-break:break-word;"><?php echo esc_html( $smib_words ); ?></td>
	</tr>
	<?php endforeach; ?>
</table>
<?php endif; ?>
<?php foreach ( $mail->instructions as $smib_paragraph ) : ?>
<p class="smib-soft" style="margin:0 0 10px;font-size:14px;line-height:22px;color:#5b6472;"><?php echo esc_html( $smib_paragraph ); ?></p>
<?php endforeach; ?>
<?php if ( $mail->button && 'admin' !== $mail->kind ) : ?>
<p class="smib-soft" style="margin:14px 0 0;font-size:13px;line-height:20px;color:#5b6472;"><?php esc_html_e( 'If the button does not work, copy this address into your browser:', 'smi-bridge' ); ?><br>
<a class="smib-link" href="<?php echo esc_url( $mail->button['url'] ); ?>" style="color:#1d4ed8;word-break:break-all;" dir="ltr"><?php echo esc_html( $mail->button['url'] ); ?></a></p>
<?php endif; ?>
