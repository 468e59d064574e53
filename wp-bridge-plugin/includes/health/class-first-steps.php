<?php
/**
 * The four steps to the first delivered picture, as far as they are true. Probes; changes nothing.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Advice;
use SmiBridge\Jobs\Test_Picture;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Each step is `{name, done, advice: {sentence, command} or null}`.
 */
final class First_Steps {

	/** Option, not autoloaded: when all of them were true for the first time. */
	const DONE = 'smi_bridge_first_steps_done';

	/** Looks at each of them, over the network: takes seconds. @return array[] See above. */
	public static function all(): array {
		$broken  = array_values( wp_list_filter( Connection_Test::tested(), array( 'level' => 'ok' ), 'NOT' ) );
		$leak    = Site_Health::test_leak();
		$test    = Test_Picture::status();
		$steps   = array(
			self::step( 'plugin', true ),
			self::step( 'sidecar', ! $broken, $broken ? array( 'sentence' => $broken[0]['text'], 'command' => $broken[0]['fix'] ) : null ), // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			self::step( 'folder', is_dir( Shop::folder() ) ? 'good' === $leak['status'] : self::is_closed_ahead(), 'critical' === $leak['status'] ? Advice::of( 'folder_open', array( 'url' => rtrim( Site_Health::address( '' ), '/' ) ) ) : null ),
			self::step( 'picture', $test && ! $test['running'] && 'delivered' === $test['state'] ),
		);
		if ( ! in_array( false, array_column( $steps, 'done' ), true ) && ! get_option( self::DONE ) ) {
			update_option( self::DONE, time(), false );
		}
		return $steps;
	}

	/** Before there is a folder: a web server that closes it refuses what is not there, too, where another one does not find it. */
	private static function is_closed_ahead(): bool {
		$answer = wp_remote_get( Site_Health::address( Site_Health::new_name() ), Site_Health::FROM_OUTSIDE );
		return 403 === wp_remote_retrieve_response_code( $answer );
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
}
