<?php
/**
 * The shop's jobs page and the actions of its buttons.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

const JOBS_SHOWN = 50;

/** Under the name that the real shop's page has. */
function add_jobs_page(): void {
	add_menu_page( __( 'Demo Shop', 'smi-demo-shop' ), __( 'Demo Shop', 'smi-demo-shop' ), 'manage_options', 'sell-my-images-jobs', __NAMESPACE__ . '\render_jobs_page', 'dashicons-images-alt2', 30 );
}

/** The newest jobs. */
function render_jobs_page(): void {
	?>
	<div class="wrap">
		<h1><?php esc_html_e( 'Jobs', 'smi-demo-shop' ); ?></h1>
		<div style="overflow-x:auto">
		<table class="smi-jobs-table widefat striped" style="min-width:900px">
			<thead><tr>
				<th><?php esc_html_e( 'Job', 'smi-demo-shop' ); ?></th>
				<th><?php esc_html_e( 'Picture', 'smi-demo-shop' ); ?></th>
				<th><?php esc_html_e( 'Customer', 'smi-demo-shop' ); ?></th>
				<th><?php esc_html_e( 'Status', 'smi-demo-shop' ); ?></th>
				<th><?php esc_html_e( 'Payment', 'smi-demo-shop' ); ?></th>
				<th><?php esc_html_e( 'Paid at', 'smi-demo-shop' ); ?></th>
				<th><?php esc_html_e( 'Actions', 'smi-demo-shop' ); ?></th>
			</tr></thead>
			<tbody>
			<?php foreach ( newest_jobs( JOBS_SHOWN ) as $job ) : ?>
				<tr>
					<td><code class="smi-job-id" title="<?php echo esc_attr( $job->job_id ); ?>"><?php echo esc_html( substr( $job->job_id, 0, 8 ) ); ?></code></td>
					<td><?php echo esc_html( basename( $job->image_url ) . ', ' . $job->resolution ); ?></td>
					<td><?php echo esc_html( $job->email ? $job->email : '—' ); ?></td>
					<td><span class="smi-status <?php echo esc_attr( $job->status ); ?>"><?php echo esc_html( $job->status ); ?></span></td>
					<td><span class="smi-payment-status <?php echo esc_attr( $job->payment_status ); ?>"><?php echo esc_html( $job->payment_status . ' $' . $job->amount_charged ); ?></span></td>
					<td><?php echo esc_html( (string) $job->paid_at ); ?></td>
					<td>
						<button type="button" class="button smi-retry-btn" data-job-id="<?php echo esc_attr( $job->job_id ); ?>" data-action="smi_retry_upscale" data-nonce="<?php echo esc_attr( wp_create_nonce( 'smi_retry_upscale' ) ); ?>"><?php esc_html_e( 'Retry', 'smi-demo-shop' ); ?></button>
						<button type="button" class="button smi-resend-email-btn" data-job-id="<?php echo esc_attr( $job->job_id ); ?>" data-action="smi_resend_email" data-nonce="<?php echo esc_attr( wp_create_nonce( 'smi_resend_email' ) ); ?>"><?php esc_html_e( 'Resend e-mail', 'smi-demo-shop' ); ?></button>
					</td>
				</tr>
			<?php endforeach; ?>
			</tbody>
		</table>
		</div>
	</div>
	<script>
	document.querySelectorAll( '.smi-jobs-table button' ).forEach( ( button ) => button.addEventListener( 'click', async () => {
		const body = new URLSearchParams( { action: button.dataset.action, nonce: button.dataset.nonce, job_id: button.dataset.jobId } );
		const answer = await ( await fetch( window.ajaxurl, { method: 'POST', body } ) ).json();
		button.textContent = answer.success ? '✓' : answer.data;
		button.disabled = true;
	} ) );
	</script>
	<?php
}

/** The job that a button's request names; ends the request when it may not. */
function job_of_request( string $action ): object {
	check_ajax_referer( $action, 'nonce' );
	if ( ! current_user_can( 'manage_options' ) ) {
		wp_send_json_error( __( 'Insufficient permissions', 'smi-demo-shop' ) );
	}
	$job = find_job( 'job_id', sanitize_text_field( wp_unslash( $_POST['job_id'] ?? '' ) ) );
	if ( ! $job ) {
		wp_send_json_error( __( 'Job not found', 'smi-demo-shop' ) );
	}
	return $job;
}

/** Retry: the payment's action once more, with an administrator's word. Whatever comes of it, the answer is "started". */
function ajax_retry(): void {
	$job = job_of_request( 'smi_retry_upscale' );
	do_action( 'smi_payment_completed', $job->job_id, array( 'admin_override' => true ) );
	wp_send_json_success( __( 'Started', 'smi-demo-shop' ) );
}

/** Resend: needs a finished job with token and file; renews the link and sends the shop's own plain mail. */
function ajax_resend(): void {
	$job = job_of_request( 'smi_resend_email' );
	if ( 'completed' !== $job->status || ! $job->download_token || ! is_file( (string) $job->upscaled_file_path ) ) {
		wp_send_json_error( __( 'There is no finished file to send', 'smi-demo-shop' ) );
	}
	$hours = (int) get_option( 'smi_download_expiry_hours', 24 );
	change_job( $job, array( 'download_expires_at' => gmdate( 'Y-m-d H:i:s', time() + $hours * HOUR_IN_SECONDS ) ) );
	$sent = $job->email && wp_mail( $job->email, __( 'Your picture', 'smi-demo-shop' ), rest_url( 'smi/v1/download/' . $job->download_token ) );
	$sent ? wp_send_json_success( __( 'Sent', 'smi-demo-shop' ) ) : wp_send_json_error( __( 'Not sent', 'smi-demo-shop' ) );
}
