<?php
/**
 * The page that a customer sees: photos, prices, a button.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

const PHOTOS_SHOWN = 6;

/** The shop's page, made once, and the site's front page from then on. */
function create_page(): void {
	if ( get_post( (int) get_option( 'smi_demo_shop_page' ) ) && get_option( 'smi_demo_shop_page' ) ) {
		return;
	}
	$page = wp_insert_post(
		array(
			'post_type'    => 'page',
			'post_title'   => __( 'Prints & enlargements', 'smi-demo-shop' ),
			'post_status'  => 'publish',
			'post_content' => '<!-- wp:shortcode -->[smi_demo_shop]<!-- /wp:shortcode -->',
		)
	);
	update_option( 'smi_demo_shop_page', $page );
	update_option( 'show_on_front', 'page' );
	update_option( 'page_on_front', $page );
}

/** The shortcode [smi_demo_shop]: the newest photos of the media library. */
function render_shop(): string {
	wp_enqueue_style( 'smi-demo-shop', plugins_url( 'assets/shop.css', FILE ), array(), '1.0.0' );
	$photos = get_posts(
		array(
			'post_type'      => 'attachment',
			'post_mime_type' => 'image',
			'post_status'    => 'inherit',
			'numberposts'    => PHOTOS_SHOWN,
			'orderby'        => 'ID',
		)
	);
	ob_start();
	?>
	<div class="smi-demo-shop alignwide">
		<p class="smi-demo-shop__lead"><?php esc_html_e( 'Choose a photo and a size. It is enlarged for you, checked, and yours to download a moment later.', 'smi-demo-shop' ); ?></p>
		<?php if ( 'success' === ( $_GET['smi_payment'] ?? '' ) ) : // phpcs:ignore WordPress.Security.NonceVerification.Recommended ?>
			<p class="smi-demo-shop__thanks" role="status"><?php esc_html_e( 'Thank you! Your (pretended) payment has arrived.', 'smi-demo-shop' ); ?></p>
		<?php endif; ?>
		<?php if ( ! $photos ) : ?>
			<p><?php esc_html_e( 'There is nothing to sell yet: add a photo to the media library.', 'smi-demo-shop' ); ?></p>
		<?php endif; ?>
		<div class="smi-demo-shop__photos">
			<?php array_map( __NAMESPACE__ . '\render_photo', $photos ); ?>
		</div>
	</div>
	<?php
	// On one line: the shortcode's output passes through wpautop, which makes paragraphs of line breaks.
	return preg_replace( '/\s*\n\s*/', ' ', ob_get_clean() );
}

/** One photo with its form. */
function render_photo( \WP_Post $photo ): void {
	$size = wp_get_attachment_metadata( $photo->ID );
	if ( ! $size ) {
		return;
	}
	?>
	<form class="smi-demo-photo" method="post" action="<?php echo esc_url( get_permalink( (int) get_option( 'smi_demo_shop_page' ) ) ); ?>">
		<figure class="smi-demo-photo__frame"><?php echo wp_get_attachment_image( $photo->ID, 'large', false, array( 'loading' => false ) ); ?></figure>
		<h2 class="smi-demo-photo__title"><?php echo esc_html( get_the_title( $photo ) ); ?></h2>
		<fieldset class="smi-demo-photo__sizes">
			<legend class="screen-reader-text"><?php esc_html_e( 'Size', 'smi-demo-shop' ); ?></legend>
			<?php
			foreach ( RESOLUTIONS as $index => $resolution ) :
				$quote = quote( (int) $size['width'], (int) $size['height'], $resolution );
				?>
				<label class="smi-demo-size">
					<input type="radio" name="resolution" value="<?php echo esc_attr( $resolution ); ?>" <?php checked( 0 === $index ); ?>>
					<span class="smi-demo-size__factor"><?php echo esc_html( (int) $resolution . '×' ); ?></span>
					<span class="smi-demo-size__pixels"><?php echo esc_html( number_format_i18n( $quote['width'] ) . ' × ' . number_format_i18n( $quote['height'] ) ); ?></span>
					<span class="smi-demo-size__price"><?php echo esc_html( '$' . number_format_i18n( $quote['price'], 2 ) ); ?></span>
				</label>
			<?php endforeach; ?>
		</fieldset>
		<label class="smi-demo-photo__email">
			<span><?php esc_html_e( 'E-mail (optional)', 'smi-demo-shop' ); ?></span>
			<input type="email" name="email" autocomplete="email" placeholder="you@example.com">
		</label>
		<input type="hidden" name="attachment" value="<?php echo esc_attr( (string) $photo->ID ); ?>">
		<?php wp_nonce_field( 'smi_demo_buy', 'smi_demo_nonce' ); ?>
		<button class="smi-demo-photo__buy" name="smi_demo_buy" value="1"><?php esc_html_e( 'Buy (no real money)', 'smi-demo-shop' ); ?></button>
	</form>
	<?php
}
