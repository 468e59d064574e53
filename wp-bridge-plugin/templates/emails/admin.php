<?php
/**
 * Body of the digest to the admin. Override: copy to `<theme>/smi-bridge/emails/admin.php`.
 *
 * @var SmiBridge\Mail\Mail_Message $mail The composed mail; `items` are the things that need a person.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;
$smib_accent = $mail->accent();
?>
<h1 style="margin:0 0 18px;font-size:24px;line-height:1.25;font-weight:700;letter-spacing:-0.01em;color:#1b1f24;"><?php echo esc_html( $mail->heading ); ?></h1>
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
<table role="presentation" cellpadding="0" cellspacing="0" border="0" class="smib-button" style="margin:20px 0 22px;">
<tr><td align="center" bgcolor="<?php echo esc_attr( $smib_accent['background'] ); ?>" style="border-radius:8px;background:<?php echo esc_attr( $smib_accent['background'] ); ?>;">
	<a href="<?php echo esc_url( $mail->button['url'] ); ?>" style="display:inline-block;padding:13px 28px;font-size:16px;line-height:22px;font-weight:600;color:<?php echo esc_attr( $smib_accent['text'] ); ?>;text-decoration:none;border-radius:8px;"><?php echo esc_html( $mail->button['label'] ); ?></a>
</td></tr>
</table>
<?php foreach ( $mail->instructions as $smib_paragraph ) : ?>
<p class="smib-soft" style="margin:0 0 10px;font-size:14px;line-height:22px;color:#5b6472;"><?php echo esc_html( $smib_paragraph ); ?></p>
<?php endforeach; ?>
