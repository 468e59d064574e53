<?php
/**
 * Tests and debug information of Site Health. Probes; judges in words; changes nothing.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Advice;
use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sidecars;
use SmiBridge\Core\Site;
use SmiBridge\Core\Sql;
use SmiBridge\Core\Staging_Lock;
use SmiBridge\Files\Cdn;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Jobs\Jobs_Query;
use SmiBridge\Mail\Mail_Settings;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;
use SmiBridge\Wire\Circuit_Breaker;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * Direct tests look at this site; the async ones go over the network (AJAX, so that the page does not wait). Each result is in the form of
 * WordPress' `site_status_tests`. Repairs nothing.
 */
final class Site_Health {

	/** How a probe asks. A certificate that only visitors' browsers know is no reason to find out nothing. */
	const FROM_OUTSIDE = array(
		'timeout'     => 5,
		'redirection' => 2,
		'sslverify'   => false,
	);

	/** Tests that go over the network. */
	const ASYNC = array( 'doors', 'leak' );

	/** Adds the tests. @param array $tests Tests. */
	public static function tests( $tests ): array {
		$tests  = (array) $tests;
		$labels = array_diff_key( Schemas::words( 'pages', 'tests' ), Cdn::is_set() ? array() : array( 'cdn' => '' ) );
		foreach ( $labels as $name => $label ) {
			$here     = array( self::class, 'test_' . $name );
			$is_async = in_array( $name, self::ASYNC, true );

			$tests[ $is_async ? 'async' : 'direct' ][ 'smi_bridge_' . $name ] = array(
				'label'             => $label,
				'test'              => $is_async ? 'smi_bridge_' . $name : $here, // The page asks for the action `health-check-smi-bridge_<name>`.
				'has_rest'          => false,
				'async_direct_test' => $here,
			);
		}
		return $tests;
	}

	/** AJAX `health-check-smi-bridge_<name>` of a test over the network, once it is clear who asks. */
	public static function answer(): void {
		check_ajax_referer( 'health-check-site-status' );
		if ( ! current_user_can( 'view_site_health_checks' ) ) {
			wp_send_json_error( null, 403 );
		}
		wp_send_json_success( 'wp_ajax_health-check-smi-bridge_leak' === current_action() ? self::test_leak() : self::test_doors() );
	}

	/** Whether the shop's own handler is out of the way. */
	public static function test_handler(): array {
		return self::of_problems( 'handler', array( 'setup', 'handler' ), __( 'Paid pictures go to the sidecar', 'smi-bridge' ), __( 'The shop’s own handler is detached, so no picture is enlarged, and paid for, twice.', 'smi-bridge' ) );
	}

	/** Whether jobs need a person. */
	public static function test_jobs(): array {
		return self::of_problems( 'jobs', array( 'refund_due', 'review', 'past_due', 'database', 'wall', 'sidecars', 'notice' ), __( 'No paid picture needs you', 'smi-bridge' ), __( 'Nothing is past due, in review, on hold or waiting for a refund.', 'smi-bridge' ) );
	}

	/**
	 * The problems of some kinds as one result.
	 *
	 * @param string   $name  Of the test.
	 * @param string[] $kinds See Problems; `notice` is all notices.
	 * @param string   $label Plain text, when there is none.
	 * @param string   $text  Plain text, when there is none.
	 */
	private static function of_problems( string $name, array $kinds, string $label, string $text ): array {
		$mine = array();
		foreach ( Problems::all() as $problem ) {
			if ( in_array( explode( ':', $problem['kind'] )[0], $kinds, true ) ) {
				$mine[] = $problem;
			}
		}
		if ( ! $mine ) {
			return self::result( $name, 'good', $label, $text );
		}
		$text = count( $mine ) > 1 ? implode( '; ', array_column( $mine, 'title' ) ) . '.' : $mine[0]['text'];
		return self::result( $name, 'bad' === $mine[0]['level'] ? 'critical' : 'recommended', $mine[0]['title'], $text, $mine[0]['url'] );
	}

	/** Whether the folder can be written and is closed to directory listings. */
	public static function test_folder(): array {
		$folder = Shop::folder();
		if ( Stored_Files::is_away() && Jobs_Query::count( 'delivered' ) ) {
			return self::result( 'folder', 'critical', __( 'The folder of finished pictures is away', 'smi-bridge' ), __( 'Customers can’t download what they have paid for. Is its disk mounted, or was the folder moved?', 'smi-bridge' ) );
		}
		if ( Stored_Files::is_away() ) {
			return self::result( 'folder', 'good', __( 'The folder of finished pictures does not exist yet', 'smi-bridge' ), __( 'It is made with the first delivery.', 'smi-bridge' ) );
		}
		if ( ! is_readable( $folder ) ) {
			return self::result( 'folder', 'critical', __( 'WordPress can’t read the folder of finished pictures', 'smi-bridge' ), __( 'It belongs to another user. Where the sidecar writes into it, set its SMI_FILE_MODE and SMI_FOLDER_MODE, or let both run in one group; where files come through the shop’s door, have your host give the folder to WordPress’ user.', 'smi-bridge' ) );
		}
		$missing = array_filter(
			array( '.htaccess', 'index.html' ),
			static function ( $name ) use ( $folder ) {
				return ! is_file( $folder . '/' . $name ) && ! is_file( $folder . '/' . str_replace( '.html', '.php', $name ) );
			}
		);
		if ( $missing ) {
			/* translators: %s: names of files */
			return self::result( 'folder', 'recommended', __( 'The folder of finished pictures misses its guards', 'smi-bridge' ), sprintf( __( 'Missing: %s. The sidecar puts them there when it starts, and WordPress with each file that comes through its door. If they stay away: can the folder be written?', 'smi-bridge' ), implode( ', ', $missing ) ) );
		}
		return self::result( 'folder', 'good', __( 'The folder of finished pictures is in order', 'smi-bridge' ), __( 'It can be read, and its guards are there.', 'smi-bridge' ) );
	}

	/** Whether the CDN delivers, as it was found at the sidecar's last visit. */
	public static function test_cdn(): array {
		$fault = Cdn::fault();
		return '' === $fault
			? self::result( 'cdn', 'good', __( 'Downloads go by the CDN', 'smi-bridge' ), __( 'A test file came by way of it within the last minutes.', 'smi-bridge' ) )
			: self::result( 'cdn', 'recommended', __( 'The CDN does not deliver', 'smi-bridge' ), __( 'The shop hands the files out itself meanwhile; no customer waits.', 'smi-bridge' ) . ' ' . $fault );
	}

	/** Both doors, clock, workers: the same test as the settings page's button. */
	public static function test_doors(): array {
		$report = Connection_Test::report();
		$wrong  = array();
		foreach ( $report['findings'] as $finding ) {
			// Bad ones; and what the catalogue has an entry for, as a shop that is paused. `fix` is a command of the catalogue.
			if ( 'bad' === $finding['level'] || ( 'warn' === $finding['level'] && '' !== $finding['fix'] ) ) {
				$wrong[] = $finding['title'] . ': ' . self::sentence( $finding['text'], $finding['detail'], $finding['fix'] );
			}
		}
		if ( ! $wrong ) {
			return self::result( 'doors', 'good', __( 'Bridge and sidecar understand each other', 'smi-bridge' ), Settings::is_pulled()
				? __( 'The sidecar comes for its messages by itself, and was here within the last minute; workers are alive.', 'smi-bridge' )
				: __( 'A signed message went both ways, the clocks agree, and workers are alive.', 'smi-bridge' ) );
		}
		$words = implode( ' · ', $wrong );
		if ( ! Settings::is_configured() ) {
			return self::result( 'doors', 'recommended', __( 'SMI Bridge is not connected yet', 'smi-bridge' ), $words, Admin_Access::url( 'settings' ) );
		}
		return $report['ok']
			? self::result( 'doors', 'recommended', __( 'Bridge and sidecar work together, and there is something to fix', 'smi-bridge' ), $words, Admin_Access::url( 'settings' ) )
			: self::result( 'doors', 'critical', __( 'Bridge and sidecar do not work together', 'smi-bridge' ), $words, Admin_Access::url( 'settings' ) );
	}

	/** Puts a canary where finished pictures lie, and asks for it from outside, as anybody could. */
	public static function test_leak(): array {
		$folder = Shop::folder();
		if ( ! is_dir( $folder ) ) {
			return self::result( 'leak', 'good', __( 'There is nothing to protect here yet', 'smi-bridge' ), __( 'The folder of finished pictures is made with the first delivery.', 'smi-bridge' ) );
		}
		if ( ! wp_is_writable( $folder ) ) {
			return self::test_leak_of_a_picture();
		}
		$secret = wp_generate_password( 32, false );
		$name   = self::new_name();
		file_put_contents( $folder . '/' . $name, $secret ); // phpcs:ignore WordPress.WP.AlternativeFunctions -- a probe that lives for a second.
		$answer = wp_remote_get( self::address( $name ), self::FROM_OUTSIDE );
		wp_delete_file( $folder . '/' . $name );
		return self::leak( $answer, ! is_wp_error( $answer ) && false !== strpos( wp_remote_retrieve_body( $answer ), $secret ) );
	}

	/** Where only the sidecar may write: asks for the head of the picture that was delivered last. */
	public static function test_leak_of_a_picture(): array {
		foreach ( Sql::rows( 'SELECT path FROM ' . Sql::table( 'ledger' ) . ' WHERE path IS NOT NULL ORDER BY id DESC LIMIT 5' ) as $row ) {
			$file = Shop::folder() . '/' . $row['path'];
			if ( is_file( $file ) ) {
				$answer = wp_remote_head( self::address( $row['path'] ), self::FROM_OUTSIDE );
				return self::leak( $answer, 200 === wp_remote_retrieve_response_code( $answer ) && (int) wp_remote_retrieve_header( $answer, 'content-length' ) === filesize( $file ) );
			}
		}
		return self::result( 'leak', 'good', __( 'There is nothing to protect here yet', 'smi-bridge' ), __( 'None of the last pictures lies in its folder. The sidecar’s doctor makes this test with a file of its own.', 'smi-bridge' ) );
	}

	/**
	 * What an answer from outside says.
	 *
	 * @param array|\WP_Error $answer  Of the web server.
	 * @param bool            $is_open Whether it held what is not for everybody.
	 */
	private static function leak( $answer, bool $is_open ): array {
		if ( is_wp_error( $answer ) ) {
			return self::result( 'leak', 'recommended', __( 'Whether finished pictures are public could not be found out', 'smi-bridge' ), self::advised( 'folder_not_looked_at', $answer->get_error_message() ) );
		}
		if ( $is_open ) {
			return self::result( 'leak', 'critical', __( 'Finished pictures can be fetched by their address', 'smi-bridge' ), self::advised( 'folder_open' ) );
		}
		return self::result( 'leak', 'good', __( 'Finished pictures are not public', 'smi-bridge' ), __( 'A test file in their folder could not be fetched from outside.', 'smi-bridge' ) );
	}

	/** The catalogue's sentence about the folder of finished pictures, a detail, and the command. @param string $code Of the catalogue. @param string $detail Plain text. */
	private static function advised( string $code, string $detail = '' ): string {
		$advice = Advice::of( $code, array( 'url' => rtrim( self::address( '' ), '/' ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		return self::sentence( $advice['sentence'], $detail, $advice['command'] );
	}

	/** What was found, in one line. @param string $text Plain text. @param string $detail Plain text. @param string $command To be typed. */
	private static function sentence( string $text, string $detail, string $command ): string {
		return $text . ( '' === $detail ? '' : ' (' . $detail . ')' ) . ( '' === $command ? '' : ' → ' . $command );
	}

	/** Adds our part to the debug information. Nothing secret. @param array $info Information. */
	public static function debug( $info ): array {
		$last   = Sidecar_Report::last();
		$shop   = '';
		try {
			$shop   = (string) Shop::name();
			$counts = Jobs_Query::counts();
		} catch ( Database_Error $fault ) {
			$counts = array( 'error' => $fault->getMessage() );
		}
		$constants = array_filter( array_keys( Settings::CONSTANTS ), array( Settings::class, 'is_constant' ) );
		$fields    = array(
			'version'  => array( __( 'Version', 'smi-bridge' ), SMI_BRIDGE_VERSION ),
			'schema'   => array( __( 'Tables', 'smi-bridge' ), (string) get_option( 'smi_bridge_schema' ) ),
			'site'     => array( __( 'Site in messages', 'smi-bridge' ), Site::identity() ),
			'sidecar'  => array( __( 'Address of the sidecar', 'smi-bridge' ), Settings::is_pulled() ? __( 'none: it comes by itself', 'smi-bridge' ) : Settings::sidecar_url() ),
			'public'   => array( __( 'Public address', 'smi-bridge' ), Settings::public_url() ),
			'secret'   => array( __( 'Secret', 'smi-bridge' ), '' === Settings::secret() ? 'missing' : 'set' ),
			'previous' => array( __( 'Change of secret', 'smi-bridge' ), '' === Settings::previous_secret() ? 'no' : 'under way' ),
			'const'    => array( __( 'Fixed in wp-config.php', 'smi-bridge' ), implode( ', ', $constants ) ),
			'paused'   => array( __( 'Paused', 'smi-bridge' ), Staging_Lock::is_copy() ? 'copy' : ( Settings::is_paused() ? 'yes' : 'no' ) ),
			'handler'  => array( __( 'Shop’s own handler', 'smi-bridge' ), Compat::handler_status() ),
			'shop'     => array( __( 'Shop', 'smi-bridge' ), $shop ),
			'health'   => array( __( 'Sidecar', 'smi-bridge' ), $last['at'] ? ( $last['ok'] ? 'ok' : $last['code'] ) . ', ' . Format::distance( $last['at'] ) : 'never asked' ),
			'status'   => array( __( 'Its status', 'smi-bridge' ), self::facts( (array) $last['status'] ) ),
			'sidecars' => array( __( 'Two sidecars serve this shop', 'smi-bridge' ), implode( ', ', Sidecars::together() ) ),
			'circuit'  => array( __( 'Failures in a row', 'smi-bridge' ), (string) Circuit_Breaker::read()['failures'] ),
			'jobs'     => array( __( 'Jobs', 'smi-bridge' ), self::facts( $counts ) ),
			'cdn'      => array( __( 'CDN', 'smi-bridge' ), Cdn::is_set() ? ( '' === Cdn::fault() ? 'ok' : Cdn::fault() ) : '' ),
			'expiry'   => array( __( 'Links end after', 'smi-bridge' ), Settings::expiry_hours() . ' h' ),
			'mails'    => array( __( 'Mails switched off', 'smi-bridge' ), implode( ', ', (array) Mail_Settings::get( 'off', array() ) ) ),
		);
		$info['smi-bridge'] = array(
			'label'  => __( 'SMI Bridge', 'smi-bridge' ),
			'fields' => array_map(
				static function ( $field ) {
					return array(
						'label' => $field[0],
						'value' => in_array( $field[1], array( '', array() ), true ) ? '–' : $field[1],
					);
				},
				$fields
			),
		);
		return $info;
	}

	/** The address at which a file of the folder of finished pictures must not be had. @param string $path Below the folder. */
	public static function address( string $path ): string {
		return wp_get_upload_dir()['baseurl'] . '/' . Shop::FOLDER . '/' . $path;
	}

	/** A name for a probe that nobody guesses. */
	public static function new_name(): string {
		return 'canary-' . strtolower( wp_generate_password( 20, false ) ) . '.jpg';
	}

	/** Name => words, as the page and the copied report list them. @param array $facts Facts; what lies deeper becomes JSON. */
	private static function facts( array $facts ): array {
		return array_map(
			static function ( $value ) {
				return is_string( $value ) ? $value : (string) wp_json_encode( $value );
			},
			$facts
		);
	}

	/**
	 * A result in WordPress' form.
	 *
	 * @param string $name   Of the test.
	 * @param string $status good, recommended or critical.
	 * @param string $label  Plain text.
	 * @param string $text   Plain text.
	 * @param string $url    Where to fix it.
	 */
	private static function result( string $name, string $status, string $label, string $text, string $url = '' ): array {
		return array(
			'label'       => esc_html( $label ),
			'status'      => $status,
			'badge'       => array(
				'label' => __( 'Picture shop', 'smi-bridge' ),
				'color' => 'good' === $status ? 'green' : ( 'critical' === $status ? 'red' : 'orange' ),
			),
			'description' => '<p>' . esc_html( $text ) . '</p>',
			'actions'     => '' === $url ? '' : sprintf( '<p><a href="%s">%s</a></p>', esc_url( $url ), esc_html__( 'Look at it', 'smi-bridge' ) ),
			'test'        => 'smi_bridge_' . $name,
		);
	}
}
