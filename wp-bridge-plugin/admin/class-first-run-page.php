<?php
/**
 * The first-run page: four steps that tick themselves off, and a button that sends a test picture.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Advice;
use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Health\Connection_Test;
use SmiBridge\Health\Site_Health;
use SmiBridge\Jobs\Test_Picture;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * The page asks every few seconds how things stand; the server probes then, and only then.
 */
final class First_Run_Page {

	/** Option, not autoloaded: when all steps were true for the first time. */
	const DONE = 'smi_bridge_first_steps_done';

	/** Shows the page. */
	public static function render(): void {
		Admin_Access::check_page();
		include SMI_BRIDGE_DIR . 'templates/admin/first-run.php';
	}

	/** AJAX: how things stand. */
	public static function answer(): void {
		Admin_Access::check_ajax();
		nocache_headers();
		$test = Test_Picture::status();
		wp_send_json_success(
			array(
				'steps' => self::steps( $test ),
				'test'  => $test ? self::in_words( $test ) : null,
				'free'  => Settings::is_configured() && ! empty( Sidecar_Report::inspect( 0 )['status']['sandbox'] ),
			)
		);
	}

	/** AJAX: sends a test picture. */
	public static function send(): void {
		Admin_Access::check_ajax();
		$messages = Schemas::words( 'pages', 'not_started' );
		$what     = Test_Picture::start();
		if ( isset( $messages[ $what ] ) ) {
			wp_send_json_error( array( 'message' => $messages[ $what ] ), 409 );
		}
		wp_send_json_success();
	}

	/** Looks at each of them, over the network: takes seconds. @param array|null $test See Test_Picture::status(). @return array[] `{name, done, advice: {sentence, command} or null}`. */
	private static function steps( ?array $test ): array {
		$broken = array_values( wp_list_filter( Connection_Test::tested(), array( 'level' => 'ok' ), 'NOT' ) );
		$steps  = array(
			self::step( 'plugin', true ),
			self::step( 'sidecar', ! $broken, $broken ? array( 'sentence' => $broken[0]['text'], 'command' => $broken[0]['fix'] ) : null ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			self::folder(),
			self::step( 'picture', $test && ! $test['running'] && 'delivered' === $test['state'] ),
		);
		if ( ! in_array( false, array_column( $steps, 'done' ), true ) && ! get_option( self::DONE ) ) {
			update_option( self::DONE, time(), false );
		}
		return $steps;
	}

	/** Whether the folder is closed; what is not, says why. */
	private static function folder(): array {
		if ( is_dir( Shop::folder() ) ) {
			$codes = array( 'good' => '', 'critical' => 'folder_open' ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			$code  = $codes[ Site_Health::test_leak()['status'] ] ?? 'folder_not_looked_at';
		} else {
			$code = self::ahead();
		}
		return self::step( 'folder', '' === $code, Advice::of( $code, array( 'url' => rtrim( Site_Health::address( '' ), '/' ) ) ) );
	}

	/** Before there is a folder: a web server that closes it refuses what is not there, too, where another one does not find it. @return string Code of the catalogue; '' where it is closed. */
	private static function ahead(): string {
		$answer = wp_remote_get( Site_Health::address( Site_Health::new_name() ), Site_Health::FROM_OUTSIDE );
		if ( is_wp_error( $answer ) ) {
			return 'folder_not_looked_at';
		}
		return 403 === wp_remote_retrieve_response_code( $answer ) ? '' : 'folder_not_closed';
	}

	/**
	 * A step.
	 *
	 * @param string     $name   Of the step.
	 * @param bool       $done   Whether it is true.
	 * @param array|null $advice What to do.
	 */
	private static function step( string $name, bool $done, ?array $advice = null ): array {
		return array(
			'name'   => $name,
			'done'   => $done,
			'advice' => $done ? null : $advice,
		);
	}

	/** The test, as the page shows it. @param array $test See Test_Picture::status(). */
	private static function in_words( array $test ): array {
		$lines = array();
		foreach ( $test['story'] as $event ) {
			$lines[] = wp_date( 'H:i:s', Format::timestamp( $event['at'] ) ) . '  ' . Job_Labels::event( $event['event'] );
		}
		if ( $test['running'] ) {
			$said = __( 'Under way …', 'smi-bridge' );
		} elseif ( 'delivered' === $test['state'] ) {
			$said = __( 'Delivered, and cleaned up.', 'smi-bridge' );
		} else {
			/* translators: %s: what went wrong */
			$said = sprintf( __( 'It did not arrive: %s. What was left of it is cleaned up. On the sidecar’s machine, smi-sidecar doctor looks for the cause.', 'smi-bridge' ), '' === $test['reason'] ? Job_Labels::state( $test['state'] )[0] : Job_Labels::reason( $test['reason'] ) );
		}
		return array(
			'running' => $test['running'],
			'said'    => $said,
			'history' => implode( "\n", $lines ),
		);
	}
}
