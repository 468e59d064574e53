<?php
/**
 * The settings page.
 *
 * @var string $done What a form did, in words, or ''.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

$smib_fixed = static function ( string $name ) {
	return Core\Settings::is_constant( $name );
};
$smib_note  = static function ( string $name ) {
	if ( Core\Settings::is_constant( $name ) ) {
		echo '<p class="description">' . sprintf(
			/* translators: %s: name of a PHP constant */
			esc_html__( 'Fixed in wp-config.php by %s.', 'smi-bridge' ),
			'<code>' . esc_html( Core\Settings::CONSTANTS[ $name ] ) . '</code>'
		) . '</p>';
	}
};
?>
<div class="wrap smib-admin">
	<h1><?php esc_html_e( 'SMI Bridge settings', 'smi-bridge' ); ?></h1>
	<?php settings_errors(); ?>
	<?php if ( '' !== $done ) : ?>
	<div class="notice notice-success is-dismissible"><p><?php echo esc_html( $done ); ?></p></div>
	<?php endif; ?>

	<section class="smib-panel" aria-labelledby="smib-connect">
		<h2 id="smib-connect"><?php esc_html_e( 'Connect the sidecar', 'smi-bridge' ); ?></h2>
		<ol class="smib-path">
			<li>
				<h3><?php esc_html_e( 'Start setup on the sidecar’s machine', 'smi-bridge' ); ?></h3>
				<p><code dir="ltr">smi-sidecar setup</code> &ndash; <?php esc_html_e( 'it asks for this connection string, looks around, and says what it will do before it does it.', 'smi-bridge' ); ?></p>
				<div class="smib-code">
					<?php require __DIR__ . '/connection-string.php'; ?>
				</div>
				<p class="description"><?php
				/* translators: %s: twelve characters */
				printf( esc_html__( 'It holds the secret: treat it like a password. Setup shows its fingerprint, %s.', 'smi-bridge' ), '<code>' . esc_html( Admin\Connection_String::fingerprint() ) . '</code>' );
				?></p>
				<details>
					<summary><?php esc_html_e( 'Without setup: lines for the file .env', 'smi-bridge' ); ?></summary>
					<div class="smib-code">
						<pre id="smib-env" tabindex="0" aria-label="<?php esc_attr_e( 'Lines for .env', 'smi-bridge' ); ?>" dir="ltr" data-masked="<?php echo esc_attr( Admin\Connection_String::env( true ) ); ?>"><?php echo esc_html( Admin\Connection_String::env( true ) ); ?></pre>
						<div class="smib-buttons">
							<button type="button" class="button" data-smib-copy="env"><?php esc_html_e( 'Copy', 'smi-bridge' ); ?></button>
							<button type="button" class="button" data-smib-show="env" aria-controls="smib-env" aria-pressed="false"><?php esc_html_e( 'Show', 'smi-bridge' ); ?></button>
							<span class="smib-said" role="status"></span>
						</div>
					</div>
					<p class="description"><?php esc_html_e( 'Leave out SMI_PUBLIC_URL as long as the web server does not hand /smi/ to the sidecar (deploy/nginx.conf, deploy/apache.conf): WordPress then shows progress and hands out the files.', 'smi-bridge' ); ?></p>
				</details>
			</li>
			<li>
				<h3><?php esc_html_e( 'Tell WordPress where the sidecar is', 'smi-bridge' ); ?></h3>
				<?php if ( '' === Core\Settings::sidecar_url() && ! Core\Settings::is_pulled() ) : ?>
				<p><?php esc_html_e( 'Setup does this once the sidecar runs. By hand:', 'smi-bridge' ); ?></p>
				<?php endif; ?>
				<form method="post" action="options.php" id="smib-form">
					<?php settings_fields( Admin\Settings_Page::GROUP ); ?>
				</form>
				<p>
					<label for="smib-url" class="screen-reader-text"><?php esc_html_e( 'Address of the sidecar', 'smi-bridge' ); ?></label>
					<input form="smib-form" type="text" inputmode="url" spellcheck="false" id="smib-url" class="regular-text code" dir="ltr" placeholder="http://…:8321"
						<?php if ( $smib_fixed( 'sidecar_url' ) ) : ?>
						readonly value="<?php echo esc_attr( Core\Settings::is_pulled() ? Core\Settings::NO_ADDRESS : Core\Settings::sidecar_url() ); ?>"
						<?php else : ?>
						name="smi_bridge_sidecar_url" value="<?php echo esc_attr( (string) get_option( 'smi_bridge_sidecar_url', '' ) ); ?>"
						<?php endif; ?>
					>
					<button form="smib-form" class="button button-primary"><?php esc_html_e( 'Save', 'smi-bridge' ); ?></button>
				</p>
				<?php $smib_note( 'sidecar_url' ); ?>
				<p class="description"><?php esc_html_e( 'As this server reaches it: on one machine the loopback address with the port from the sidecar’s .env, else the private address of the other machine.', 'smi-bridge' ); ?>
				<?php
				/* translators: 1: the word none, 2: a setting */
				printf( esc_html__( '%1$s: nobody can reach it (%2$s), and it comes for its messages by itself.', 'smi-bridge' ), '<code>none</code>', '<code>SMI_BIND=none</code>' );
				?>
				</p>
			</li>
			<li>
				<h3><?php esc_html_e( 'Test it', 'smi-bridge' ); ?></h3>
				<p><button type="button" class="button" id="smib-test"<?php disabled( ! Core\Settings::is_configured() ); ?>><?php esc_html_e( 'Test connection', 'smi-bridge' ); ?></button>
				<?php if ( ! Core\Settings::is_configured() ) : ?>
				<span class="description"><?php esc_html_e( 'Save the address first.', 'smi-bridge' ); ?></span>
				<?php endif; ?>
				</p>
				<div id="smib-report" aria-live="polite"></div>
			</li>
		</ol>
	</section>

	<section class="smib-panel" aria-labelledby="smib-secret">
		<h2 id="smib-secret"><?php esc_html_e( 'Secret', 'smi-bridge' ); ?></h2>
		<p><?php esc_html_e( 'Bridge and sidecar sign every message with it. Whoever has it can deliver and refund, so treat it like a password.', 'smi-bridge' ); ?></p>
		<p class="smib-secret">
			<code id="smib-secret-value" dir="ltr" data-masked="<?php echo esc_attr( Admin\Connection_String::mask( Core\Settings::secret() ) ); ?>"><?php echo esc_html( Admin\Connection_String::mask( Core\Settings::secret() ) ); ?></code>
			<button type="button" class="button" data-smib-copy="secret"><?php esc_html_e( 'Copy', 'smi-bridge' ); ?></button>
			<button type="button" class="button" data-smib-show="secret" aria-controls="smib-secret-value" aria-pressed="false"><?php esc_html_e( 'Show', 'smi-bridge' ); ?></button>
			<span class="smib-said" role="status"></span>
		</p>
		<?php if ( $smib_fixed( 'secret' ) ) : ?>
			<?php $smib_note( 'secret' ); ?>
		<?php else : ?>
			<?php if ( '' !== Core\Settings::previous_secret() ) : ?>
		<p class="smib-hint"><?php esc_html_e( 'A change is under way: the old secret is still accepted. Once the sidecar runs with the new one, end the change.', 'smi-bridge' ); ?></p>
			<?php endif; ?>
		<form method="post" action="<?php echo esc_url( admin_url( 'admin-post.php' ) ); ?>" class="smib-buttons">
			<input type="hidden" name="action" value="smi_bridge_secret">
			<?php wp_nonce_field( 'smi_bridge_secret' ); ?>
			<?php if ( '' === Core\Settings::previous_secret() ) : ?>
			<button class="button" name="what" value="new" data-smib-confirm="<?php esc_attr_e( 'Make a new secret? The old one stays accepted until you end the change.', 'smi-bridge' ); ?>"><?php esc_html_e( 'Make a new secret', 'smi-bridge' ); ?></button>
			<?php else : ?>
			<button class="button" name="what" value="forget"><?php esc_html_e( 'End the change: forget the old secret', 'smi-bridge' ); ?></button>
			<?php endif; ?>
		</form>
		<?php endif; ?>
	</section>

	<section class="smib-panel" aria-labelledby="smib-mails">
		<h2 id="smib-mails"><?php esc_html_e( 'Mails', 'smi-bridge' ); ?></h2>
		<table class="form-table" role="presentation">
			<tr>
				<th scope="row"><?php esc_html_e( 'Send', 'smi-bridge' ); ?></th>
				<td><fieldset><legend class="screen-reader-text"><?php esc_html_e( 'Mails that are sent', 'smi-bridge' ); ?></legend>
					<input form="smib-form" type="hidden" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[on][]" value="">
					<?php foreach ( Mail\Mail_Settings::kinds() as $smib_kind => $smib_words ) : ?>
					<div class="smib-kind">
						<div><label><input form="smib-form" type="checkbox" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[on][]" value="<?php echo esc_attr( $smib_kind ); ?>"<?php checked( ! in_array( $smib_kind, (array) Mail\Mail_Settings::get( 'off', array() ), true ) ); ?>>
						<strong><?php echo esc_html( $smib_words['name'] ); ?></strong></label>
						<span class="description"><?php echo esc_html( $smib_words['when'] ); ?></span></div>
						<span class="smib-kind-links">
							<a href="<?php echo esc_url( Admin\Mail_Preview::url( $smib_kind ) ); ?>" target="_blank" rel="noreferrer"><?php esc_html_e( 'Preview', 'smi-bridge' ); ?><span class="screen-reader-text">: <?php echo esc_html( $smib_words['name'] ); ?></span></a>
							<button type="button" class="button-link" data-smib-mail="<?php echo esc_attr( $smib_kind ); ?>"><?php esc_html_e( 'Send me a test', 'smi-bridge' ); ?><span class="screen-reader-text">: <?php echo esc_html( $smib_words['name'] ); ?></span></button>
							<span class="smib-said" role="status"></span>
						</span>
					</div>
					<?php endforeach; ?>
				</fieldset></td>
			</tr>
			<tr>
				<th scope="row"><label for="smib-support"><?php esc_html_e( 'Support contact', 'smi-bridge' ); ?></label></th>
				<td><input form="smib-form" type="text" class="regular-text" id="smib-support" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[support]" value="<?php echo esc_attr( (string) Mail\Mail_Settings::get( 'support' ) ); ?>" placeholder="<?php echo esc_attr( (string) get_option( 'admin_email' ) ); ?>">
				<p class="description"><?php esc_html_e( 'An e-mail address or the address of a page. It stands in every mail and in the customer’s view.', 'smi-bridge' ); ?></p></td>
			</tr>
			<tr>
				<th scope="row"><label for="smib-from"><?php esc_html_e( 'From', 'smi-bridge' ); ?></label></th>
				<td><div class="smib-pair">
					<label><span class="screen-reader-text"><?php esc_html_e( 'Name of the sender', 'smi-bridge' ); ?></span><input form="smib-form" type="text" id="smib-from" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[from_name]" value="<?php echo esc_attr( (string) Mail\Mail_Settings::get( 'from_name' ) ); ?>" placeholder="<?php echo esc_attr( wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) ); ?>"></label>
					<label><span class="screen-reader-text"><?php esc_html_e( 'Address of the sender', 'smi-bridge' ); ?></span><input form="smib-form" type="email" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[from_address]" value="<?php echo esc_attr( (string) Mail\Mail_Settings::get( 'from_address' ) ); ?>" placeholder="<?php esc_attr_e( 'WordPress’ own address', 'smi-bridge' ); ?>"></label>
				</div>
				<p class="description"><?php esc_html_e( 'Leave it empty if a mail plugin decides this.', 'smi-bridge' ); ?></p></td>
			</tr>
			<tr>
				<th scope="row"><label for="smib-to"><?php esc_html_e( 'Digest goes to', 'smi-bridge' ); ?></label></th>
				<td><input form="smib-form" type="text" class="regular-text" id="smib-to" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[admin]" value="<?php echo esc_attr( (string) Mail\Mail_Settings::get( 'admin' ) ); ?>" placeholder="<?php echo esc_attr( (string) get_option( 'admin_email' ) ); ?>">
				<p class="description"><?php esc_html_e( 'One or more addresses, separated by commas.', 'smi-bridge' ); ?></p></td>
			</tr>
			<tr>
				<th scope="row"><label for="smib-reminder"><?php esc_html_e( 'Reminder', 'smi-bridge' ); ?></label></th>
				<td><input form="smib-form" type="number" min="0" max="168" class="small-text" id="smib-reminder" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[reminder]" value="<?php echo esc_attr( (string) Mail\Mail_Settings::get( 'reminder', 0 ) ); ?>">
				<?php esc_html_e( 'hours before a download link ends (0: none)', 'smi-bridge' ); ?></td>
			</tr>
			<tr>
				<th scope="row"><label for="smib-accent"><?php esc_html_e( 'Colour of buttons', 'smi-bridge' ); ?></label></th>
				<td><input form="smib-form" type="color" id="smib-accent" name="<?php echo esc_attr( Mail\Mail_Settings::OPTION ); ?>[accent]" value="<?php echo esc_attr( Mail\Mail_Settings::accents()[0] ); ?>">
				<span class="description"><?php esc_html_e( 'In mails and in the customer’s view.', 'smi-bridge' ); ?></span></td>
			</tr>
		</table>
	</section>

	<section class="smib-panel" aria-labelledby="smib-rest">
		<h2 id="smib-rest"><?php esc_html_e( 'Downloads and data', 'smi-bridge' ); ?></h2>
		<table class="form-table" role="presentation">
			<tr>
				<th scope="row"><label for="smib-hours"><?php esc_html_e( 'Download links end after', 'smi-bridge' ); ?></label></th>
				<td><input form="smib-form" type="number" min="1" max="87600" class="small-text" id="smib-hours" name="smi_download_expiry_hours" value="<?php echo esc_attr( (string) Core\Settings::expiry_hours() ); ?>"> <?php esc_html_e( 'hours', 'smi-bridge' ); ?>
				<p class="description"><?php esc_html_e( 'The same setting as the shop’s own. It counts for pictures that are delivered from now on.', 'smi-bridge' ); ?></p></td>
			</tr>
			<tr>
				<th scope="row"><label for="smib-format"><?php esc_html_e( 'Format of finished pictures', 'smi-bridge' ); ?></label></th>
				<td><select id="smib-format"<?php echo $smib_fixed( 'output_format' ) ? ' disabled' : ' form="smib-form" name="smi_bridge_output_format"'; ?>>
					<?php foreach ( Admin\Settings_Page::formats() as $smib_format => $smib_label ) : ?>
					<option value="<?php echo esc_attr( $smib_format ); ?>"<?php selected( (string) Core\Settings::output_format(), $smib_format ); ?>><?php echo esc_html( $smib_label ); ?></option>
					<?php endforeach; ?>
				</select>
				<?php $smib_note( 'output_format' ); ?>
				<p class="description"><?php esc_html_e( 'It counts for pictures that are paid for from now on.', 'smi-bridge' ); ?></p></td>
			</tr>
			<tr>
				<th scope="row"><?php esc_html_e( 'Pause', 'smi-bridge' ); ?></th>
				<td><label><input type="checkbox" value="1"<?php echo $smib_fixed( 'paused' ) ? ' disabled' : ' form="smib-form" name="smi_bridge_paused"'; ?><?php checked( Core\Settings::is_on( 'paused' ) ); ?>>
				<?php esc_html_e( 'Forward nothing from this site for now', 'smi-bridge' ); ?></label>
				<?php $smib_note( 'paused' ); ?>
				<p class="description"><?php esc_html_e( 'Paid jobs are written down and wait; none is lost.', 'smi-bridge' ); ?></p></td>
			</tr>
			<tr>
				<th scope="row"><?php esc_html_e( 'When the plugin is deleted', 'smi-bridge' ); ?></th>
				<td><label><input type="checkbox" value="1"<?php echo $smib_fixed( 'remove_data' ) ? ' disabled' : ' form="smib-form" name="smi_bridge_remove_data"'; ?><?php checked( Core\Settings::is_on( 'remove_data' ) ); ?>>
				<?php esc_html_e( 'Remove the ledger, the history of all jobs, and these settings', 'smi-bridge' ); ?></label>
				<?php $smib_note( 'remove_data' ); ?>
				<p class="description"><?php esc_html_e( 'The ledger is the record of what was bought, delivered and refunded. Finished pictures are never removed with the plugin.', 'smi-bridge' ); ?></p></td>
			</tr>
		</table>
		<p class="submit"><button form="smib-form" class="button button-primary"><?php esc_html_e( 'Save changes', 'smi-bridge' ); ?></button></p>
	</section>
</div>
