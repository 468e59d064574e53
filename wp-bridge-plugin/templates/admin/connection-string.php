<?php
/**
 * The connection string, masked until it is shown or copied.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

?>
<pre id="smib-connection" class="smib-wrap" tabindex="0" aria-label="<?php esc_attr_e( 'Connection string', 'smi-bridge' ); ?>" dir="ltr" data-masked="<?php echo esc_attr( Admin\Connection_String::masked() ); ?>"><?php echo esc_html( Admin\Connection_String::masked() ); ?></pre>
<div class="smib-buttons">
	<button type="button" class="button button-primary" data-smib-copy="connection"><?php esc_html_e( 'Copy', 'smi-bridge' ); ?></button>
	<button type="button" class="button" data-smib-show="connection" aria-controls="smib-connection" aria-pressed="false"><?php esc_html_e( 'Show', 'smi-bridge' ); ?></button>
	<span class="smib-said" role="status"></span>
</div>
