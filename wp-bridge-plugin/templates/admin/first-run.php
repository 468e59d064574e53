<?php
/**
 * The first-run page.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

?>
<div class="wrap smib-admin">
	<h1><?php esc_html_e( 'First steps', 'smi-bridge' ); ?></h1>
	<section class="smib-panel">
		<ol class="smib-path smib-steps" id="smib-steps" aria-live="polite">
			<?php foreach ( Core\Schemas::words( 'pages', 'steps' ) as $smib_name => $smib_step ) : ?>
			<li data-smib-step="<?php echo esc_attr( $smib_name ); ?>" class="<?php echo 'plugin' === $smib_name ? 'done' : ''; ?>">
				<h3><?php echo esc_html( $smib_step['title'] ); ?> <span class="smib-tick"><?php echo 'plugin' === $smib_name ? esc_html__( 'done', 'smi-bridge' ) : ''; ?></span></h3>
				<p class="smib-how"><?php echo str_replace( '{anywhere}', '<code class="smib-whole" dir="ltr">smi-sidecar setup --anywhere</code>', esc_html( $smib_step['text'] ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped before the command comes in. ?></p>
				<?php if ( 'sidecar' === $smib_name ) : ?>
				<div class="smib-how smib-code">
					<pre class="smib-wrap" dir="ltr">python3 -m venv /opt/smi-sidecar
/opt/smi-sidecar/bin/pip install /path/to/smi_sidecar-*.whl
ln -sf /opt/smi-sidecar/bin/smi-sidecar /usr/local/bin/
smi-sidecar setup</pre>
					<?php require __DIR__ . '/connection-string.php'; ?>
				</div>
				<?php elseif ( 'picture' === $smib_name ) : ?>
				<p class="smib-buttons"><button type="button" class="button button-primary" id="smib-send-test" disabled><?php esc_html_e( 'Send a test picture', 'smi-bridge' ); ?></button> <span class="smib-said" role="status"></span></p>
				<pre id="smib-history" class="smib-history" dir="ltr" hidden></pre>
				<?php endif; ?>
				<div class="smib-advice" hidden><p></p><pre class="smib-wrap" dir="ltr"></pre></div>
			</li>
			<?php endforeach; ?>
		</ol>
		<p id="smib-all-done" role="status" hidden><?php esc_html_e( 'All is set: from now on paid pictures go to the sidecar.', 'smi-bridge' ); ?></p>
		<p class="smib-buttons">
			<a href="<?php echo esc_url( Core\Admin_Access::url( 'dashboard' ) ); ?>"><?php esc_html_e( 'Dashboard', 'smi-bridge' ); ?></a>
			<a href="<?php echo esc_url( Core\Admin_Access::url( 'settings' ) ); ?>"><?php esc_html_e( 'Settings', 'smi-bridge' ); ?></a>
		</p>
	</section>
</div>
