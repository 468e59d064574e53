<?php
/**
 * What an operator orders at the sidecar's command line: job.rerun, job.stop, sidecar.address.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Log;
use SmiBridge\Core\Outcome;
use SmiBridge\Core\Settings;
use SmiBridge\Jobs\Rerun;
use SmiBridge\Jobs\Stop;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Compat;

defined( 'ABSPATH' ) || exit;

/**
 * Handlers: checked data in, outcome out (docs/contract.md, part 3). The same as a person does in the admin's pages; a delivered job can
 * be stopped from here, too: it keeps its state and loses its link.
 */
final class Order_Messages {

	/**
	 * Starts the next attempt.
	 *
	 * @param array $data See schema.
	 */
	public static function rerun( array $data ): Outcome {
		if ( ! Compat::may_forward() ) {
			return Outcome::failed( 'not_connected' );
		}
		$context = array(
			'admin_override' => true,
			'force'          => $data['force'],
		);
		$code    = Rerun::start( $data['job_id'], $context );
		if ( 'started' !== $code ) {
			return Outcome::refused( 'busy' === $code ? 'working' : $code );
		}
		return Outcome::done( array( 'attempt' => (int) Ledger::newest( $data['job_id'] )['attempt'] ) );
	}

	/**
	 * Stops a job: it waits for a person, and its link dies. A delivered job stays delivered, without its link.
	 *
	 * @param array $data See schema.
	 */
	public static function stop( array $data ): Outcome {
		$row = Ledger::newest( $data['job_id'], true );
		if ( ! $row ) {
			return Outcome::refused( 'unknown_job' );
		}
		return Stop::job( $row, array( 'by' => 'operator' ), true ) ? Outcome::done() : Outcome::refused( 'settled' );
	}

	/**
	 * Where the sidecar is, as `smi-sidecar setup` tells. Only a bridge that knows no sidecar learns an address; one that somebody has
	 * set, here or in wp-config.php, stays. Whoever signs this has the secret, and may deliver anyway.
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
