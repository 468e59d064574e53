<?php
/**
 * The status page by link. Override: copy to `<theme>/smi-bridge/status-page.php`.
 *
 * @var string $smib_view Rendered view.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;
$smib_icon = get_site_icon_url( 64 );
$smib_logo = (int) get_theme_mod( 'custom_logo' );
?>
<!DOCTYPE html>
<html <?php language_attributes(); ?>>
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex,nofollow">
<meta name="color-scheme" content="light dark">
<title><?php echo esc_html( __( 'Your picture', 'smi-bridge' ) . ' – ' . wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) ); ?></title>
<?php if ( $smib_icon ) : ?>
<link rel="icon" href="<?php echo esc_url( $smib_icon ); ?>">
<?php endif; ?>
<link rel="stylesheet" href="<?php echo esc_url( Customer\Status_View::asset( 'status-page.css' ) ); ?>">
<?php Customer\Status_View::print_starter(); ?>
</head>
<body>
<header><a href="<?php echo esc_url( home_url( '/' ) ); ?>">
<?php
if ( $smib_logo ) {
	echo wp_get_attachment_image( $smib_logo, 'medium', false, array( 'alt' => get_bloginfo( 'name' ) ) );
} else {
	bloginfo( 'name' );
}
?>
</a></header>
<main><?php echo $smib_view; // phpcs:ignore WordPress.Security.EscapeOutput -- rendered by a template that escapes late. ?></main>
<footer><a href="<?php echo esc_url( home_url( '/' ) ); ?>"><?php esc_html_e( 'Back to the shop', 'smi-bridge' ); ?></a></footer>
<?php Customer\Status_View::print_script(); ?>
</body>
</html>
