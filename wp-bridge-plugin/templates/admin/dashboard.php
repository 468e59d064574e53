<?php
/**
 * The dashboard.
 *
 * @var array $problems What needs a person.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;
?>
<div class="wrap smib-admin">
	<h1 class="wp-heading-inline"><?php esc_html_e( 'SMI Bridge', 'smi-bridge' ); ?></h1>
	<hr class="wp-header-end">

	<?php if ( $problems ) : ?>
	<section class="smib-panel wide smib-problems" aria-labelledby="smib-needs">
		<h2 id="smib-needs"><?php esc_html_e( 'This needs you', 'smi-bridge' ); ?></h2>
		<ul>
			<?php foreach ( $problems as $smib_problem ) : ?>
			<li class="<?php echo esc_attr( $smib_problem['level'] ); ?>">
				<span class="dashicons dashicons-<?php echo 'bad' === $smib_problem['level'] ? 'dismiss' : 'warning'; ?>" aria-hidden="true"></span>
				<div><strong><?php echo esc_html( $smib_problem['title'] ); ?></strong> <span><?php echo esc_html( $smib_problem['text'] ); ?></span></div>
				<a class="button" href="<?php echo esc_url( $smib_problem['url'] ); ?>"><?php esc_html_e( 'See', 'smi-bridge' ); ?><span class="screen-reader-text">: <?php echo esc_html( $smib_problem['title'] ); ?></span></a>
			</li>
			<?php endforeach; ?>
		</ul>
	</section>
	<?php else : ?>
	<p class="smib-well"><span class="dashicons dashicons-yes-alt" aria-hidden="true"></span> <?php esc_html_e( 'All is well. Nothing needs you.', 'smi-bridge' ); ?></p>
	<?php endif; ?>

	<section id="smib-now" class="smib-panel wide" aria-labelledby="smib-now-title">
		<h2 id="smib-now-title"><?php esc_html_e( 'Right now', 'smi-bridge' ); ?> <span id="smib-link" class="smib-link-state"></span></h2>
		<div class="smib-now">
			<a class="smib-number" href="<?php echo esc_url( Core\Admin_Access::url( 'jobs', array( 'view' => 'working' ) ) ); ?>"><strong data-smib="working">–</strong> <span><?php esc_html_e( 'in progress', 'smi-bridge' ); ?></span></a>
			<div class="smib-number"><strong data-smib="workers">–</strong> <span><?php esc_html_e( 'workers alive', 'smi-bridge' ); ?></span></div>
			<table class="smib-stages">
				<caption class="screen-reader-text"><?php esc_html_e( 'Waiting in each stage', 'smi-bridge' ); ?></caption>
				<thead><tr>
					<?php foreach ( Core\Labels\Job_Labels::stages() as $smib_label ) : ?>
					<th scope="col"><?php echo esc_html( $smib_label ); ?></th>
					<?php endforeach; ?>
				</tr></thead>
				<tbody><tr>
					<?php foreach ( Core\Labels\Job_Labels::stages() as $smib_stage => $smib_label ) : ?>
					<td data-smib-stage="<?php echo esc_attr( $smib_stage ); ?>"><strong>–</strong><span></span></td>
					<?php endforeach; ?>
				</tr></tbody>
			</table>
		</div>
	</section>

	<div class="smib-periods" role="group" aria-label="<?php esc_attr_e( 'Period', 'smi-bridge' ); ?>">
		<?php foreach ( Core\Schemas::words( 'pages', 'periods' ) as $smib_period => $smib_label ) : ?>
		<button type="button" class="button" data-smib-period="<?php echo esc_attr( $smib_period ); ?>" aria-pressed="<?php echo '24h' === $smib_period ? 'true' : 'false'; ?>"><?php echo esc_html( $smib_label ); ?></button>
		<?php endforeach; ?>
	</div>

	<div class="smib-cards">
		<?php foreach ( Core\Schemas::words( 'pages', 'cards' ) as $smib_name => $smib_words ) : ?>
		<div class="smib-card"><span><?php echo esc_html( $smib_words['title'] ); ?></span><strong data-smib="<?php echo esc_attr( $smib_name ); ?>">–</strong><small><?php echo esc_html( $smib_words['note'] ); ?></small><?php echo 'success' === $smib_name ? '<small data-smib="rate"></small>' : ''; ?></div>
		<?php endforeach; ?>
	</div>

	<div class="smib-charts">
		<section class="smib-panel" aria-labelledby="smib-chart-jobs"><h2 id="smib-chart-jobs"><?php esc_html_e( 'How jobs ended', 'smi-bridge' ); ?></h2><div class="smib-chart" data-smib-chart="endings"></div></section>
		<section class="smib-panel" aria-labelledby="smib-chart-time"><h2 id="smib-chart-time"><?php esc_html_e( 'Time to delivery', 'smi-bridge' ); ?></h2><div class="smib-chart" data-smib-chart="durations"></div></section>
		<section class="smib-panel" aria-labelledby="smib-chart-errors"><h2 id="smib-chart-errors"><?php esc_html_e( 'What went wrong', 'smi-bridge' ); ?></h2><div id="smib-errors"></div></section>
	</div>
	<p id="smib-fault" class="smib-hint" role="alert" hidden></p>
</div>
