<?php
/**
 * "Test connection": a real signed round trip both ways, and what the sidecar says about itself. Settings page, first steps, Site Health,
 * WP-CLI and abilities show it.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Advice;
use SmiBridge\Core\Format;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Site;
use SmiBridge\Core\Time_Limits;
use SmiBridge\Wire\Sidecar_Client;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * A finding is `{check, level: ok, warn or bad, code: ok or a key of the catalogue of advice, title, text, detail, fix}`: plain text in the
 * current locale; `fix` is a command, '' where nothing is to be done. The test takes seconds, and changes nothing but what is remembered
 * of the sidecar. For one that comes by itself it asks nobody, and looks when it was last here.
 */
final class Connection_Test {

	/** What the sidecar says of our door => code of the catalogue. */
	const WAY_BACK = array(
		'shop_unavailable'     => 'shop_silent',
		'shop_refused'         => 'shop_refused',
		'shop_door_missing'    => 'shop_door_blocked',
		'shop_walled'          => 'shop_walled',
		'shop_refused_message' => 'shop_refused_message',
	);

	/** The client. @var Sidecar_Client */
	private $sidecar;

	/** What the sidecar has said about itself, or null (docs/contract.md, part 2). @var array|null */
	private $status = null;

	/**
	 * A test.
	 *
	 * @param Sidecar_Client|null $sidecar With its own patience.
	 */
	public function __construct( ?Sidecar_Client $sidecar = null ) {
		$this->sidecar = $sidecar ?? new Sidecar_Client();
	}

	/** The findings about both ways, with the usual client. @return array[] */
	public static function tested(): array {
		return ( new self() )->run();
	}

	/** Tests both ways, and what there is besides. @return array `{ok: bool, findings: array[]}` */
	public static function report(): array {
		$test     = new self();
		$findings = $test->run();
		if ( ! function_exists( 'curl_init' ) ) {
			$findings[] = self::fault( 'php', 'no_php_curl', array(), 'warn' );
		}
		if ( $test->status ) {
			$findings = array_merge( $findings, self::inside( $test->status ) );
		}
		return array(
			'ok'       => ! in_array( 'bad', array_column( $findings, 'level' ), true ),
			'findings' => $findings,
		);
	}

	/** Tests both ways. The list ends at the first check that fails. @return array[] */
	public function run(): array {
		if ( ! Settings::is_configured() ) {
			return array( self::fault( 'settings', self::what_is_missing() ) );
		}
		$paused = Settings::is_paused() ? array( self::fault( 'paused', 'site_is_a_copy', array(), 'warn' ) ) : array();
		if ( Settings::is_pulled() ) {
			return array_merge( array( $this->seen() ), $paused );
		}
		$answer = $this->sidecar->exchange( 'status', array( 'round_trip' => true ) );
		$status = json_decode( $answer['body'], true );
		if ( 200 !== $answer['status'] || ! is_array( $status ) || ! isset( $status['site'] ) ) {
			return array( $this->why_not( $answer ) );
		}
		$this->status = Sidecar_Report::keep( $status )['status'];
		$there        = self::good( 'to_sidecar', __( 'The sidecar understands this site.', 'smi-bridge' ), (float) $answer['ms'] );
		return array_merge( array( $there, self::way_back( (array) ( $status['shop_door'] ?? array( 'error' => 'not_tried' ) ) ) ), $paused );
	}

	/** A sidecar that nobody can reach is connected when it was here within the last minute. */
	private function seen(): array {
		$last = Sidecar_Report::last();
		$when = $last['at'] ? Format::distance( $last['at'] ) : __( 'never', 'smi-bridge' );
		if ( ! $last['at'] || ! $last['ok'] ) {
			/* translators: %s: time span, such as "4 minutes ago" */
			return self::fault( 'to_shop', 'sidecar_not_seen', array(), 'bad', sprintf( __( 'It was here last: %s', 'smi-bridge' ), $when ) );
		}
		$this->status = $last['status'];
		/* translators: %s: time span, such as "10 seconds ago" */
		return self::good( 'to_shop', sprintf( __( 'The sidecar comes for its messages by itself; it was here %s.', 'smi-bridge' ), $when ) );
	}

	/**
	 * The way there is bad: why.
	 *
	 * @param array $answer From Http_Client.
	 */
	private function why_not( array $answer ): array {
		if ( 0 === $answer['status'] ) {
			$is_known = null !== self::advice( $answer['error'] ); // What broke a connection may have no name.
			return self::fault( 'to_sidecar', $is_known ? $answer['error'] : 'network', array(), 'bad', $answer['message'] );
		}
		if ( 401 === $answer['status'] ) {
			return $this->why_refused( $answer );
		}
		return self::fault( 'to_sidecar', $answer['status'] >= 500 ? 'busy' : 'no_sidecar', array(), 'bad', 'HTTP ' . $answer['status'] );
	}

	/**
	 * The way there is good: is the way back?
	 *
	 * @param array $door What the sidecar found at our door.
	 */
	private static function way_back( array $door ): array {
		if ( ! empty( $door['ok'] ) ) {
			return self::good( 'to_shop', __( 'This site understands the sidecar.', 'smi-bridge' ), isset( $door['ms'] ) ? (float) $door['ms'] : null );
		}
		$code   = sanitize_text_field( (string) ( $door['error'] ?? 'unknown' ) );
		$detail = sanitize_text_field( (string) ( $door['detail'] ?? '' ) );
		return self::fault( 'to_shop', self::WAY_BACK[ $code ] ?? 'shop_not_reached', array( 'url' => Site::identity() ), 'bad', trim( $code . ' ' . $detail ) );
	}

	/**
	 * The sidecar refused the signature: clock, site or secret? The answer to `sidecar:?` tells site from secret.
	 *
	 * @param array $answer Its 401.
	 */
	private function why_refused( array $answer ): array {
		$theirs = isset( $answer['headers']['date'] ) ? strtotime( (string) $answer['headers']['date'] ) : false;
		$skew   = $theirs ? abs( $theirs - time() ) : 0;
		if ( $skew > Time_Limits::SIGNATURE - 5 ) {
			return self::fault( 'to_sidecar', 'clocks_apart', array( 'seconds' => $skew ) );
		}
		$any  = $this->sidecar->exchange( 'status', array(), 'sidecar:?' );
		$body = json_decode( $any['body'], true );
		if ( 200 === $any['status'] && is_array( $body ) && isset( $body['site'] ) ) {
			return self::fault( 'to_sidecar', 'wrong_site', array( 'home' => Site::identity(), 'shop' => sanitize_text_field( (string) $body['site'] ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		return self::fault( 'to_sidecar', 'wrong_secret' );
	}

	/** Which setting is missing, as a code of the catalogue. */
	private static function what_is_missing(): string {
		if ( '' === Settings::sidecar_url() && ! Settings::is_pulled() ) {
			return 'bridge_not_connected';
		}
		return null === Signature::decode_secret( Settings::secret() ) ? 'secret_malformed' : 'secret_is_the_example';
	}

	/**
	 * What the sidecar says about itself.
	 *
	 * @param array $status Its status.
	 * @return array[]
	 */
	private static function inside( array $status ): array {
		$found   = array();
		$version = (string) ( $status['version'] ?? '' );
		if ( ! Sidecar_Report::work_together( SMI_BRIDGE_VERSION, $version ) ) {
			$found[] = self::fault( 'versions', 'versions_apart', array( 'bridge' => SMI_BRIDGE_VERSION, 'sidecar' => $version ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		$workers = (int) ( $status['workers'] ?? 0 );
		/* translators: %s: number of workers */
		$found[] = $workers < 1 ? self::fault( 'workers', 'no_worker' ) : self::good( 'workers', sprintf( _n( '%s worker is alive.', '%s workers are alive.', $workers, 'smi-bridge' ), number_format_i18n( $workers ) ) );
		if ( empty( $status['scheduler'] ) ) {
			$found[] = self::fault( 'scheduler', 'no_scheduler' );
		}
		foreach ( (array) ( $status['held'] ?? array() ) as $stage => $hold ) {
			/* translators: %s: stage of the work */
			$title   = array( 'title' => sprintf( __( 'On hold: %s', 'smi-bridge' ), (string) $stage ) );
			$found[] = $title + self::finding( 'held', 'warn', 'held', (string) ( $hold['detail'] ?? '' ), (string) ( $hold['reason'] ?? '' ) );
		}
		if ( ! Settings::is_pulled() ) {
			$found[] = empty( $status['public_url'] )
				? self::finding( 'public', 'warn', 'none', __( 'The sidecar has none. That works: WordPress shows progress and hands out the files. With SMI_PUBLIC_URL it is faster.', 'smi-bridge' ) )
				: self::public_address( (string) $status['public_url'] );
		}
		return $found;
	}

	/**
	 * The address by which visitors' browsers reach the sidecar: the web server there may not know of it yet.
	 *
	 * @param string $url As the sidecar is set up.
	 */
	private static function public_address( string $url ): array {
		// A certificate that only visitors' browsers know is no reason to find out nothing.
		$answer = wp_remote_get( $url . '/healthz', array( 'timeout' => 5, 'redirection' => 0, 'sslverify' => false ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		if ( is_wp_error( $answer ) ) {
			/* translators: %s: an address */
			return self::finding( 'public', 'warn', 'unknown', sprintf( __( '%s could not be reached from this server. Can visitors?', 'smi-bridge' ), $url ), $answer->get_error_message() );
		}
		$body = json_decode( wp_remote_retrieve_body( $answer ), true );
		if ( is_array( $body ) && true === ( $body['ok'] ?? null ) ) {
			return self::good( 'public', $url );
		}
		return self::fault( 'public', 'public_address_wrong', compact( 'url' ), 'bad', 'HTTP ' . wp_remote_retrieve_response_code( $answer ) );
	}

	/**
	 * The catalogue's entry about the way to the sidecar.
	 *
	 * @param string $code  Of the catalogue.
	 * @param array  $facts Further facts.
	 * @return array|null See Advice::of().
	 */
	public static function advice( string $code, array $facts = array() ): ?array {
		$url = Settings::sidecar_url();
		return Advice::of( $code, $facts + array( 'url' => $url, 'host' => (string) wp_parse_url( $url, PHP_URL_HOST ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
	}

	/**
	 * A finding in the catalogue's words.
	 *
	 * @param string $check  What was looked at.
	 * @param string $code   Of the catalogue.
	 * @param array  $facts  See advice().
	 * @param string $level  bad or warn.
	 * @param string $detail Plain text.
	 */
	private static function fault( string $check, string $code, array $facts = array(), string $level = 'bad', string $detail = '' ): array {
		$advice = self::advice( $code, $facts );
		return self::finding( $check, $level, $code, $advice['sentence'], $detail, $advice['command'] );
	}

	/** A finding that all is well. @param string $check What was looked at. @param string $text Plain text. @param float|null $ms What it took. */
	private static function good( string $check, string $text, ?float $ms = null ): array {
		return self::finding( $check, 'ok', 'ok', $text, null === $ms ? '' : Format::span( $ms / 1000 ) );
	}

	/**
	 * A finding.
	 *
	 * @param string $check  What was looked at.
	 * @param string $level  ok, warn or bad.
	 * @param string $code   Stable word.
	 * @param string $text   Plain text.
	 * @param string $detail Plain text.
	 * @param string $fix    A command.
	 */
	private static function finding( string $check, string $level, string $code, string $text, string $detail = '', string $fix = '' ): array {
		return array( 'title' => Schemas::words( 'pages', 'findings' )[ $check ] ) + compact( 'check', 'level', 'code', 'text', 'detail', 'fix' );
	}
}
