<?php
/**
 * What `smi-sidecar setup` tells: where the sidecar is.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Handler: checked data in, outcome out (docs/contract.md, part 3). It never overrules an address that somebody has set, here or in
 * wp-config.php.
 */
final class Setup_Messages {

	/**
	 * Only a bridge that knows no sidecar learns an address. Whoever signs this has the secret, and may deliver anyway.
	 *
	 * @param array $data See schema.
	 */
	public static function address( array $data ): Outcome {
		if ( '' === Settings::sidecar_url() && ! Settings::is_constant( 'sidecar_url' ) ) {
			update_option( 'smi_bridge_sidecar_url', esc_url_raw( rtrim( $data['url'], '/' ), array( 'http', 'https' ) ) );
			Settings::learn_site();
			Log::write( 'sidecar_address_learnt', 'Setup said where the sidecar is.', array( 'url' => Settings::sidecar_url() ) );
		}
		return Outcome::done( array( 'url' => Settings::sidecar_url() ) );
	}
}
