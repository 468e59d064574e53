<?php
/**
 * The list of jobs.
 *
 * @var \SmiBridge\Admin\Jobs_Table $table  Prepared list.
 * @var array                $wanted View, search, dates.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;
?>
<div class="wrap smib-admin">
	<h1 class="wp-heading-inline"><?php esc_html_e( 'Jobs', 'smi-bridge' ); ?></h1>
	<?php if ( '' !== $wanted['search'] ) : ?>
	<span class="subtitle">
		<?php
		/* translators: %s: what was searched for */
		printf( esc_html__( 'Search results for: %s', 'smi-bridge' ), '<strong>' . esc_html( $wanted['search'] ) . '</strong>' );
		?>
	</span>
	<?php endif; ?>
	<hr class="wp-header-end">
	<?php Admin\Job_Actions::print_results(); ?>
	<?php $table->views(); ?>
	<form method="get" id="smib-filter" action="<?php echo esc_url( admin_url( 'admin.php' ) ); ?>">
		<input type="hidden" name="page" value="smi-bridge-jobs">
		<?php if ( 'all' !== $wanted['view'] ) : ?>
		<input type="hidden" name="view" value="<?php echo esc_attr( $wanted['view'] ); ?>">
		<?php endif; ?>
		<?php $table->search_box( __( 'Search jobs', 'smi-bridge' ), 'smib-search' ); ?>
	</form>
	<form method="post" action="<?php echo esc_url( Core\Admin_Access::url( 'jobs', array_filter( array( 'view' => $wanted['view'], 's' => $wanted['search'], 'from' => $wanted['from'], 'to' => $wanted['to'] ) ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing ?>">
		<?php $table->display(); ?>
	</form>
</div>
