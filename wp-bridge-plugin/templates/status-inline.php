<?php
/**
 * The view without script: what was known when the page was made. The script draws the live view over it.
 *
 * @var string $job_id     The job's id.
 * @var string $level      Tag of the heading.
 * @var array  $document   Status document (docs/contract.md, section 5).
 * @var string $smib_phase Its phase, as the words know it.
 * @var array  $smib_words Every word of the view.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;
$smib_level = in_array( $level, array( 'h1', 'h2', 'h3' ), true ) ? $level : 'h2';
?>
<div class="smi-bridge-status" data-smi-bridge-job="<?php echo esc_attr( $job_id ); ?>" data-smi-bridge-level="<?php echo esc_attr( $smib_level ); ?>">
	<<?php echo tag_escape( $smib_level ); ?>><?php echo esc_html( $smib_words[ 'title_' . $smib_phase ] ); ?></<?php echo tag_escape( $smib_level ); ?>>
	<p><?php echo esc_html( $smib_words[ 'lead_' . $smib_phase ] ); ?></p>
	<?php if ( 'ready' === $smib_phase && ! empty( $document['download_url'] ) ) : ?>
	<p>
		<a href="<?php echo esc_url( $document['download_url'] ); ?>" download rel="nofollow"><?php echo esc_html( $smib_words['download'] ); ?></a>
		<?php echo esc_html( SmiBridge\Core\Format::dimensions( $document['width'] ?? 0, $document['height'] ?? 0 ) ); ?>
	</p>
	<?php if ( ! empty( $document['expires_at'] ) ) : ?>
	<p><?php echo esc_html( $smib_words['until'] . ' ' . SmiBridge\Core\Format::moment( $document['expires_at'] ) ); ?></p>
	<?php endif; ?>
	<?php endif; ?>
	<p><?php echo esc_html( $smib_words[ 'ready' === $smib_phase && empty( $document['download_url'] ) ? 'note_no_link' : 'note_' . $smib_phase ] ); ?></p>
	<noscript><p><a href=""><?php esc_html_e( 'Look again', 'smi-bridge' ); ?></a></p></noscript>
</div>
