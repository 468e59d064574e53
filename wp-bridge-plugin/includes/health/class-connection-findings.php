<?php
/**
 * The connection test in plain words: what is wrong, and the way to fix it. Settings page, Site Health, WP-CLI and abilities show it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Advice;
use SmiBridge\Core\Compatibility;
use SmiBridge\Core\Settings;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * A finding is `{level: ok, warn or bad, title, text, detail, fix}`, all plain text in the current locale; `fix` is '' where nothing is to
 * be done. Judges what Connection_Test found, and changes nothing.
 */
final class Connection_Findings {

	/** Tests the connection now. @return array `{ok: bool, findings: array[]}` */
	public static function report(): array {
		$findings = self::of( Connection_Test::tested() );
		return array(
			'ok'       => ! in_array( 'bad', array_column( $findings, 'level' ), true ),
			'findings' => $findings,
		);
	}

	/**
	 * What a test found, and, when the sidecar could be heard, what it says about itself.
	 *
	 * @param array[] $tested See Connection_Test::run().
	 * @return array[]
	 */
	private static function of( array $tested ): array {
		$found = array();
		$heard = false;
		foreach ( $tested as $finding ) {
			$heard   = $heard || ( ( Settings::is_pulled() ? 'to_shop' : 'to_sidecar' ) === $finding['check'] && $finding['ok'] );
			$found[] = self::finding( $finding['level'], $finding['title'], $finding['message'], $finding['detail'], self::fix( $finding['advice'] ) );
		}
		if ( ! function_exists( 'curl_init' ) ) {
			$advice  = Advice::of( 'no_php_curl' );
			$found[] = self::finding( 'warn', 'PHP', $advice['sentence'], '', self::fix( $advice ) );
		}
		$status = $heard ? Sidecar_Report::inspect( 0 )['status'] : null;
		return $status ? array_merge( $found, self::inside( $status ) ) : $found;
	}

	/**
	 * What the sidecar says about itself.
	 *
	 * @param array $status Its status (docs/contract.md, part 2).
	 */
	private static function inside( array $status ): array {
		$found   = array();
		$version = (string) ( $status['version'] ?? '' );
		if ( ! Compatibility::work_together( SMI_BRIDGE_VERSION, $version ) ) {
			$advice  = Advice::of( 'versions_apart', array( 'bridge' => SMI_BRIDGE_VERSION, 'sidecar' => $version ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
			$found[] = self::finding( 'bad', __( 'Versions', 'smi-bridge' ), $advice['sentence'], '', self::fix( $advice ) );
		}
		$workers = (int) ( $status['workers'] ?? 0 );
		if ( $workers < 1 ) {
			$found[] = self::finding( 'bad', __( 'Workers', 'smi-bridge' ), __( 'No worker is alive: jobs are taken in, but nobody works on them. Start the process “worker” of the sidecar’s Procfile.', 'smi-bridge' ) );
		} else {
			/* translators: %s: number of workers */
			$found[] = self::finding( 'ok', __( 'Workers', 'smi-bridge' ), sprintf( _n( '%s worker is alive.', '%s workers are alive.', $workers, 'smi-bridge' ), number_format_i18n( $workers ) ) );
		}
		if ( empty( $status['scheduler'] ) ) {
			$found[] = self::finding( 'bad', __( 'Scheduler', 'smi-bridge' ), __( 'Nobody keeps time: retries and clean-up do not run. Start the process “cron” of the sidecar’s Procfile, and workers with their scheduler.', 'smi-bridge' ) );
		}
		foreach ( (array) ( $status['held'] ?? array() ) as $stage => $hold ) {
			/* translators: %s: name of a stage */
			$found[] = self::finding( 'warn', sprintf( __( 'On hold: %s', 'smi-bridge' ), (string) $stage ), (string) ( $hold['detail'] ?? '' ), (string) ( $hold['reason'] ?? '' ) );
		}
		if ( Settings::is_pulled() ) {
			return $found;
		}
		if ( empty( $status['public_url'] ) ) {
			$found[] = self::finding( 'warn', __( 'Public address', 'smi-bridge' ), __( 'The sidecar has none. That works: WordPress shows progress and hands out the files. With SMI_PUBLIC_URL it is faster, and broken downloads can be resumed.', 'smi-bridge' ) );
		} else {
			$found[] = self::public_address( (string) $status['public_url'] );
		}
		return $found;
	}

	/**
	 * Whether the public address leads to the sidecar: mails and pages send customers there.
	 *
	 * @param string $url As the sidecar says.
	 */
	private static function public_address( string $url ): array {
		// Whether visitors trust the certificate is not the question; this server may know it by another name.
		$answer = wp_remote_get( $url . '/healthz', array( 'timeout' => 5, 'redirection' => 0, 'sslverify' => false ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		if ( is_wp_error( $answer ) ) { // Some servers can't reach their own public name.
			/* translators: %s: an address */
			return self::finding( 'warn', __( 'Public address', 'smi-bridge' ), sprintf( __( '%s could not be reached from this server. Can visitors?', 'smi-bridge' ), $url ), $answer->get_error_message() );
		}
		$body = json_decode( wp_remote_retrieve_body( $answer ), true );
		if ( is_array( $body ) && true === ( $body['ok'] ?? null ) ) {
			return self::finding( 'ok', __( 'Public address', 'smi-bridge' ), $url );
		}
		/* translators: %s: an address */
		$words = __( '%s does not lead to the sidecar, so the links in mails lead nowhere. Put deploy/nginx.conf or deploy/apache.conf into the web server’s configuration, or take SMI_PUBLIC_URL out of the sidecar’s .env and restart it.', 'smi-bridge' );
		return self::finding( 'bad', __( 'Public address', 'smi-bridge' ), sprintf( $words, $url ), 'HTTP ' . wp_remote_retrieve_response_code( $answer ) );
	}

	/** An advice as one line: the sentence, then the command. @param array|null $advice Of the catalogue. */
	private static function fix( ?array $advice ): string {
		return $advice ? $advice['sentence'] . ' → ' . $advice['command'] : '';
	}

	/**
	 * A finding.
	 *
	 * @param string $level  ok, warn or bad.
	 * @param string $title  Plain text.
	 * @param string $text   Plain text.
	 * @param string $detail For those who dig deeper.
	 * @param string $fix    The catalogue's words.
	 */
	private static function finding( string $level, string $title, string $text, string $detail = '', string $fix = '' ): array {
		return compact( 'level', 'title', 'text', 'detail', 'fix' );
	}
}
