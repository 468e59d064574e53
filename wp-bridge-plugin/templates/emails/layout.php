<?php
/**
 * The frame of every mail. Override: copy to `<theme>/smi-bridge/emails/layout.php`.
 *
 * Mail programs understand tables and inline styles; the style block adds dark mode and phones where it is understood.
 *
 * @var SmiBridge\Mail\Mail_Message $mail    The composed mail.
 * @var string                 $content Rendered, escaped HTML of the mail's kind.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;
$smib_align = is_rtl() ? 'right' : 'left';
$smib_logo  = $mail->logo();
$smib_font  = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
?>
<!DOCTYPE html>
<html lang="<?php echo esc_attr( str_replace( '_', '-', determine_locale() ) ); ?>" dir="<?php echo is_rtl() ? 'rtl' : 'ltr'; ?>">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no">
<title><?php echo esc_html( $mail->subject ); ?></title>
<style>
<?php echo file_get_contents( SMI_BRIDGE_DIR . 'assets/mail.css' ); // phpcs:ignore WordPress.Security.EscapeOutput, WordPress.WP.AlternativeFunctions -- a file of our own. ?>
</style>
</head>
<body style="margin:0;padding:0;background:#f3f4f6;">
<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;color:#f3f4f6;"><?php echo esc_html( $mail->preheader ); ?><?php echo str_repeat( '&#8199;&#65279;&#847; ', 60 ); // phpcs:ignore WordPress.Security.EscapeOutput -- a constant that keeps the body out of the preview line. ?></div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="smib-outer" style="background:#f3f4f6;padding:32px 12px;">
<tr><td align="center">
	<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" class="smib-card" style="width:100%;max-width:600px;background:#ffffff;border:1px solid #e3e6ea;border-radius:12px;font-family:<?php echo esc_attr( $smib_font ); ?>;">
		<tr><td class="smib-pad" align="<?php echo esc_attr( $smib_align ); ?>" style="padding:28px 40px 0;">
			<a href="<?php echo esc_url( home_url( '/' ) ); ?>" class="smib-text" style="color:#1b1f24;text-decoration:none;font-size:16px;font-weight:600;line-height:24px;">
			<?php if ( '' !== $smib_logo ) : ?>
				<img src="<?php echo esc_url( $smib_logo ); ?>" alt="<?php echo esc_attr( $mail->shop() ); ?>" height="40" style="display:block;height:40px;width:auto;max-width:240px;border:0;">
			<?php else : ?>
				<?php echo esc_html( $mail->shop() ); ?>
			<?php endif; ?>
			</a>
		</td></tr>
		<tr><td class="smib-pad" align="<?php echo esc_attr( $smib_align ); ?>" style="padding:24px 40px 36px;">
			<?php echo $content; // phpcs:ignore WordPress.Security.EscapeOutput -- a rendered template that escapes late. ?>
		</td></tr>
		<tr><td class="smib-pad smib-line" align="<?php echo esc_attr( $smib_align ); ?>" style="padding:20px 40px 28px;border-top:1px solid #e3e6ea;">
			<p class="smib-soft" style="margin:0;color:#5b6472;font-size:13px;line-height:20px;">
			<?php if ( 'admin' === $mail->kind ) : ?>
				<?php esc_html_e( 'You get this mail because you look after this shop. Which mails are sent is decided under SMI Bridge → Settings.', 'smi-bridge' ); ?>
			<?php elseif ( '' !== $mail->support ) : ?>
				<?php esc_html_e( 'Questions? We are glad to help:', 'smi-bridge' ); ?>
				<a class="smib-link" href="<?php echo esc_url( SmiBridge\Mail\Mail_Settings::support_link( (string) ( $mail->facts['job_id'] ?? '' ) ), array( 'http', 'https', 'mailto' ) ); ?>" style="color:#1d4ed8;"><?php echo esc_html( preg_replace( '#^https?://#', '', $mail->support ) ); ?></a>
			<?php endif; ?>
			</p>
			<?php
			$smib_terms = 'admin' === $mail->kind ? '' : (string) get_option( 'smi_terms_conditions_url', '' );
			?>
			<p class="smib-soft" style="margin:8px 0 0;color:#5b6472;font-size:13px;line-height:20px;">
				<a class="smib-link" href="<?php echo esc_url( home_url( '/' ) ); ?>" style="color:#1d4ed8;"><?php echo esc_html( $mail->shop() ); ?></a>
				<?php if ( '' !== $smib_terms ) : ?>
				&nbsp;·&nbsp; <a class="smib-link" href="<?php echo esc_url( $smib_terms ); ?>" style="color:#1d4ed8;"><?php esc_html_e( 'Terms and conditions', 'smi-bridge' ); ?></a>
				<?php endif; ?>
			</p>
		</td></tr>
	</table>
</td></tr>
</table>
</body>
</html>
