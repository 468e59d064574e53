<?php
/**
 * One job.
 *
 * @var string     $job_id  The shop's id.
 * @var string     $title   Of the picture.
 * @var array|null $row     Newest ledger row.
 * @var array|null $job     The shop's job.
 * @var array      $histories Attempt => lines.
 * @var array      $facts   Label => words.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;
$smib_attachment = (int) ( $job['attachment_id'] ?? 0 );
$smib_downloaded = null !== Jobs\Downloads::first( $job_id );
$smib_actions    = $row ? Jobs\Allowed_Actions::possible( $row ) : array( 'retry' );
?>
<div class="wrap smib-admin">
	<p class="smib-back"><a href="<?php echo esc_url( Core\Admin_Access::url( 'jobs' ) ); ?>"><?php echo is_rtl() ? '→' : '←'; ?> <?php esc_html_e( 'All jobs', 'smi-bridge' ); ?></a></p>
	<div class="smib-jobhead">
		<?php echo $smib_attachment ? wp_get_attachment_image( $smib_attachment, 'thumbnail', true, array( 'class' => 'smib-thumb large', 'alt' => '' ) ) : '<span class="smib-thumb large"></span>'; // phpcs:ignore WordPress.Security.EscapeOutput, WordPress.Arrays.ArrayDeclarationSpacing ?>
		<div>
			<h1><?php echo esc_html( '' === $title ? __( 'Untitled picture', 'smi-bridge' ) : $title ); ?></h1>
			<p>
				<?php echo $row ? Core\Labels\Job_Labels::badge( $row ) : ''; // phpcs:ignore WordPress.Security.EscapeOutput -- escaped there. ?>
				<span class="smib-ref"><?php echo esc_html( Core\Format::reference( $job_id ) ); ?></span>
				<span class="smib-soft"><?php echo $row ? esc_html( Core\Labels\Job_Labels::next( $row ) ) : esc_html__( 'The bridge has not taken this job.', 'smi-bridge' ); ?></span>
			</p>
			<?php if ( $row && ( $row['reason'] || $row['detail'] ) ) : ?>
			<p class="smib-why"><strong><?php echo esc_html( Core\Labels\Job_Labels::reason( $row['reason'] ) ); ?></strong> <?php echo esc_html( (string) $row['detail'] ); ?></p>
				<?php if ( 'review' === $row['state'] && '' !== Core\Labels\Job_Labels::advice( $row['reason'] ) ) : ?>
			<p class="smib-advice"><?php echo esc_html( Core\Labels\Job_Labels::advice( $row['reason'] ) ); ?></p>
				<?php endif; ?>
			<?php endif; ?>
		</div>
		<div class="smib-buttons">
			<?php foreach ( $smib_actions as $smib_at => $smib_action ) : ?>
				<?php echo Admin\Job_Actions::link( Jobs\Allowed_Actions::of_row( $smib_action, array( 'downloaded' => $smib_downloaded ) ), $job_id, 0 === $smib_at ? 'button button-primary' : 'button' ); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped there. ?>
			<?php endforeach; ?>
		</div>
	</div>
	<hr class="wp-header-end">
	<?php Admin\Job_Actions::print_results(); ?>
	<div class="smib-columns">
		<div>
			<?php foreach ( $histories as $smib_attempt => $smib_lines ) : ?>
			<section class="smib-panel smib-history" aria-labelledby="smib-attempt-<?php echo (int) $smib_attempt; ?>">
				<h2 id="smib-attempt-<?php echo (int) $smib_attempt; ?>">
				<?php
				/* translators: %s: number of the attempt */
				printf( esc_html__( 'Attempt %s', 'smi-bridge' ), esc_html( number_format_i18n( $smib_attempt ) ) );
				?>
				</h2>
				<?php $smib_refused = Admin\Job_Page::refused( $job_id, (int) $smib_attempt ); ?>
				<?php if ( '' !== $smib_refused ) : ?>
				<div class="smib-compare">
					<?php if ( $smib_attachment ) : ?>
					<figure><?php echo wp_get_attachment_image( $smib_attachment, 'medium', false, array( 'alt' => '' ) ); ?><figcaption><?php esc_html_e( 'Original', 'smi-bridge' ); ?></figcaption></figure>
					<?php endif; ?>
					<?php // Not esc_url: data: is no protocol that it lets pass. ?>
					<figure><img src="<?php echo esc_attr( $smib_refused ); ?>" alt=""><figcaption><?php esc_html_e( 'Enlarged', 'smi-bridge' ); ?></figcaption></figure>
				</div>
				<?php endif; ?>
				<ol>
					<?php foreach ( $smib_lines as $smib_line ) : ?>
					<li class="<?php echo esc_attr( $smib_line['tone'] ); ?>">
						<div class="smib-line">
							<strong><?php echo esc_html( $smib_line['words'] ); ?></strong>
							<time datetime="<?php echo esc_attr( (string) Core\Sql::rfc3339( $smib_line['at'] ) ); ?>" title="<?php echo esc_attr( Core\Format::moment( $smib_line['at'] ) ); ?>"><?php echo esc_html( (string) wp_date( get_option( 'date_format' ) . ' H:i:s', (int) Core\Format::timestamp( $smib_line['at'] ) ) ); ?></time>
							<?php if ( $smib_line['gap'] ) : ?>
							<span class="smib-gap">
								<?php
								/* translators: %s: time span, such as "12 s" */
								printf( esc_html__( 'after %s', 'smi-bridge' ), esc_html( Core\Format::span( (int) $smib_line['gap'] ) ) );
								?>
							</span>
							<?php endif; ?>
						</div>
						<?php if ( $smib_line['detail'] ) : ?>
						<p>
							<?php foreach ( $smib_line['detail'] as $smib_name => $smib_value ) : ?>
							<span class="smib-pairing"><span><?php echo esc_html( Core\Labels\Job_Labels::fact( $smib_name ) ); ?></span> <?php echo esc_html( $smib_value ); ?></span>
							<?php endforeach; ?>
						</p>
						<?php endif; ?>
					</li>
					<?php endforeach; ?>
				</ol>
			</section>
			<?php endforeach; ?>
		</div>
		<aside class="smib-panel" aria-label="<?php esc_attr_e( 'Facts', 'smi-bridge' ); ?>">
			<dl class="smib-facts">
				<?php foreach ( $facts as $smib_label => $smib_words ) : ?>
				<div><dt><?php echo esc_html( $smib_label ); ?></dt><dd><?php echo esc_html( $smib_words ); ?></dd></div>
				<?php endforeach; ?>
			</dl>
			<p class="smib-buttons">
				<a class="button" href="<?php echo esc_url( Customer\Status_View::link( $job_id ) ); ?>" target="_blank" rel="noreferrer"><?php esc_html_e( 'What the customer sees', 'smi-bridge' ); ?></a>
			</p>
		</aside>
	</div>
</div>
