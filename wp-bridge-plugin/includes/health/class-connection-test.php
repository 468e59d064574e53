<?php
/**
 * "Test connection": a real signed round trip both ways, and plain words about what is wrong.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Health;

use SmiBridge\Core\Advice;
use SmiBridge\Core\Format;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Signature;
use SmiBridge\Core\Site;
use SmiBridge\Wire\Sidecar_Client;
use SmiBridge\Wire\Sidecar_Report;

defined( 'ABSPATH' ) || exit;

/**
 * Finds out, over the network and so in seconds; changes nothing but the remembered public address. For a sidecar that comes by itself it
 * asks nobody, and looks when it was last here.
 */
final class Connection_Test {

	/** Code of a finding, or for the way back its detail => code of the catalogue of advice. */
	const ADVICE = array(
		'not_configured'       => 'bridge_not_connected',
		'dns'                  => 'sidecar_silent',
		'refused'              => 'sidecar_silent',
		'timeout'              => 'sidecar_silent',
		'tls'                  => 'sidecar_silent',
		'network'              => 'sidecar_silent',
		'no_sidecar'           => 'not_the_sidecar',
		'not_seen'             => 'sidecar_not_seen',
		'clock'                => 'clocks_apart',
		'wrong_secret'         => 'wrong_secret',
		'wrong_site'           => 'wrong_site',
		'paused'               => 'site_is_a_copy',
		'shop_unavailable'     => 'shop_silent',
		'shop_refused'         => 'wrong_secret',
		'shop_door_missing'    => 'shop_door_blocked',
		'shop_refused_message' => 'shop_door_blocked',
	);

	/** The client. @var Sidecar_Client */
	private $sidecar;

	/**
	 * A test.
	 *
	 * @param Sidecar_Client $sidecar Client.
	 */
	public function __construct( Sidecar_Client $sidecar ) {
		$this->sidecar = $sidecar;
	}

	/** The findings of a test with the usual client. @return array[] See run(). */
	public static function tested(): array {
		return ( new self( new Sidecar_Client() ) )->run();
	}

	/**
	 * Runs it. The list ends at the first check that fails.
	 *
	 * @return array[] Findings `{check: settings, to_sidecar, to_shop or paused; ok, level: ok, warn or bad; code; title; message; advice: {sentence, command}|null; ms: float|null; detail}`.
	 *                 Codes: ok, not_configured, dns, refused, timeout, tls, network, no_sidecar, not_seen, busy, clock, wrong_secret, wrong_site, shop_door, paused.
	 */
	public function run(): array {
		if ( ! Settings::is_configured() ) {
			return array( self::finding( 'settings', 'not_configured', self::what_is_missing() ) );
		}
		if ( Settings::is_pulled() ) {
			return array_merge( array( self::seen() ), self::paused() );
		}
		$answer = $this->sidecar->exchange( 'status', array( 'round_trip' => true ) );
		$status = json_decode( $answer['body'], true );
		if ( 200 !== $answer['status'] || ! is_array( $status ) || ! isset( $status['site'] ) ) {
			return array( $this->why_not( $answer ) );
		}
		Settings::learn_public_url( $status['public_url'] ?? null );
		$findings = array(
			self::finding( 'to_sidecar', 'ok', __( 'The sidecar understands this site.', 'smi-bridge' ), (float) $answer['ms'] ),
			self::way_back( $status['shop_door'] ?? null ),
		);
		return array_merge( $findings, self::paused() );
	}

	/** A finding, if this site is paused. @return array[] */
	private static function paused(): array {
		$words = __( 'This site is paused: it is a copy of the live site, or an admin paused it. Nothing is forwarded.', 'smi-bridge' );
		return Settings::is_paused() ? array( array( 'level' => 'warn' ) + self::finding( 'paused', 'paused', $words ) ) : array();
	}

	/** A sidecar that nobody can reach is connected when it was here within the last minute. */
	private static function seen(): array {
		$last = Sidecar_Report::last();
		if ( $last['ok'] && $last['at'] ) {
			/* translators: %s: time span, such as "10 seconds ago" */
			return self::finding( 'to_shop', 'ok', sprintf( __( 'The sidecar comes for its messages by itself; it was here %s.', 'smi-bridge' ), Format::distance( $last['at'] ) ) );
		}
		if ( ! $last['at'] ) {
			return self::finding( 'to_shop', 'not_seen', __( 'The sidecar should come for its messages by itself, and was never here. Is it running, with SMI_BIND=none, and are its SMI_SHOP_URL and SMI_SECRET right?', 'smi-bridge' ) );
		}
		/* translators: %s: time span, such as "4 minutes ago" */
		return self::finding( 'to_shop', 'not_seen', sprintf( __( 'The sidecar should come for its messages by itself, and was here last %s. Is it running?', 'smi-bridge' ), Format::distance( $last['at'] ) ) );
	}

	/**
	 * The way there is bad: why.
	 *
	 * @param array $answer From Http_Client.
	 */
	private function why_not( array $answer ): array {
		if ( 0 === $answer['status'] ) {
			return self::finding( 'to_sidecar', $answer['error'], self::no_answer( $answer ) );
		}
		if ( 401 === $answer['status'] ) {
			return $this->why_refused( $answer );
		}
		if ( $answer['status'] >= 500 ) {
			/* translators: %d: HTTP status code */
			return self::finding( 'to_sidecar', 'busy', sprintf( __( 'The sidecar, or the web server before it, has a problem of its own (HTTP %d). Its log says which.', 'smi-bridge' ), $answer['status'] ) );
		}
		/* translators: %d: HTTP status code */
		$words = __( 'Something answers at this address (HTTP %d), but it is not the sidecar. Is the address right, with its port?', 'smi-bridge' );
		return self::finding( 'to_sidecar', 'no_sidecar', sprintf( $words, $answer['status'] ) );
	}

	/**
	 * The way there is good: is the way back?
	 *
	 * @param array|null $door What the sidecar found at our door.
	 */
	private static function way_back( $door ): array {
		if ( is_array( $door ) && ! empty( $door['ok'] ) ) {
			return self::finding( 'to_shop', 'ok', __( 'This site understands the sidecar.', 'smi-bridge' ), isset( $door['ms'] ) ? (float) $door['ms'] : null );
		}
		$reasons = array(
			'shop_unavailable'     => __( 'no answer from this site\'s address (refused, not found, timed out, or an error of the server)', 'smi-bridge' ),
			'shop_refused'         => __( 'this site refused its signature: the addresses or secrets differ, or a clock is wrong', 'smi-bridge' ),
			'shop_door_missing'    => __( 'this site does not know the bridge\'s address: a security plugin or the web server may block the REST API', 'smi-bridge' ),
			'shop_walled'          => __( 'something else answers in the bridge\'s place (a firewall, a bot challenge, a login page, a redirect)', 'smi-bridge' ),
			'shop_refused_message' => __( 'the versions of bridge and sidecar differ', 'smi-bridge' ),
		);
		$code    = is_array( $door ) ? sanitize_text_field( (string) ( $door['error'] ?? 'unknown' ) ) : 'not_tried';
		/* translators: %s: reason */
		$words = sprintf( __( 'The sidecar hears this site, but does not reach it: %s. See SMI_SHOP_URL and SMI_SHOP_ADDRESS of the sidecar.', 'smi-bridge' ), $reasons[ $code ] ?? $code );
		$detail          = is_array( $door ) && isset( $door['detail'] ) ? sanitize_text_field( (string) $door['detail'] ) : '';
		$found           = self::finding( 'to_shop', 'shop_door', trim( $words . ' ' . $detail ) );
		$found['advice'] = self::advice( $code, array( 'url' => Site::identity() ) );
		return array( 'detail' => $code ) + $found;
	}

	/**
	 * The sidecar refused the signature: clock, site or secret? The answer to `sidecar:?` tells site from secret.
	 *
	 * @param array $answer Its 401.
	 */
	private function why_refused( array $answer ): array {
		$theirs = isset( $answer['headers']['date'] ) ? strtotime( (string) $answer['headers']['date'] ) : false;
		$skew   = $theirs ? $theirs - time() : 0;
		if ( abs( $skew ) > Signature::TOLERANCE - 5 ) {
			/* translators: 1: number of seconds, 2: number of seconds */
			$words = sprintf( __( 'The clocks of this site and of the sidecar are %1$d seconds apart; %2$d are allowed. Set both by NTP.', 'smi-bridge' ), abs( $skew ), Signature::TOLERANCE );
			return self::finding( 'to_sidecar', 'clock', $words, null, array( 'seconds' => abs( $skew ) ) );
		}
		$any  = $this->sidecar->exchange( 'status', array(), 'sidecar:?' );
		$body = json_decode( $any['body'], true );
		if ( 200 === $any['status'] && is_array( $body ) && isset( $body['site'] ) ) {
			/* translators: 1: address, 2: address */
			$words = sprintf( __( 'The secret is right, but that sidecar serves %1$s, and this site is %2$s. Correct SMI_SHOP_URL of the sidecar, or the address here.', 'smi-bridge' ), sanitize_text_field( (string) $body['site'] ), Site::identity() );
			return self::finding( 'to_sidecar', 'wrong_site', $words, null, array( 'home' => Site::identity(), 'shop' => sanitize_text_field( (string) $body['site'] ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		}
		return self::finding( 'to_sidecar', 'wrong_secret', __( 'The sidecar is there, but its secret is another one. Copy the secret from this page into its SMI_SECRET and restart it.', 'smi-bridge' ) );
	}

	/** Which setting is missing. */
	private static function what_is_missing(): string {
		if ( '' === Settings::sidecar_url() ) {
			return __( 'The address of the sidecar is missing, or is no http(s) address.', 'smi-bridge' );
		}
		if ( null !== Signature::decode_secret( Settings::secret() ) ) {
			return __( 'The secret is the example of the documentation, which everybody knows. Make a new one here, or correct SMI_BRIDGE_SECRET, and copy it into the SMI_SECRET of the sidecar.', 'smi-bridge' );
		}
		return __( 'The secret is missing or malformed: whsec_ and 24 to 64 bytes of base64.', 'smi-bridge' );
	}

	/**
	 * Words for no answer at all.
	 *
	 * @param array $answer From Http_Client.
	 */
	private static function no_answer( array $answer ): string {
		$host  = (string) wp_parse_url( Settings::sidecar_url(), PHP_URL_HOST );
		$words = array(
			/* translators: %s: host name */
			'dns'     => __( 'The name %s is unknown here. Is it spelled right?', 'smi-bridge' ),
			/* translators: %s: host name */
			'refused' => __( 'Nothing listens at that port of %s. Is the sidecar running, and is the port right?', 'smi-bridge' ),
			/* translators: %s: host name */
			'timeout' => __( '%s does not answer in time. A firewall may swallow the requests, or the address is wrong.', 'smi-bridge' ),
			/* translators: %s: host name */
			'tls'     => __( 'The certificate of %s is not trusted here, or it does not speak TLS at that port.', 'smi-bridge' ),
		);
		/* translators: 1: host name, 2: technical message */
		return isset( $words[ $answer['error'] ] ) ? sprintf( $words[ $answer['error'] ], $host ) : sprintf( __( 'The connection to %1$s failed: %2$s', 'smi-bridge' ), $host, $answer['message'] );
	}

	/**
	 * What to do about it, or null.
	 *
	 * @param string $code  See ADVICE.
	 * @param array  $facts Name => value.
	 */
	private static function advice( string $code, array $facts ): ?array {
		return isset( self::ADVICE[ $code ] ) ? Advice::of( self::ADVICE[ $code ], $facts + array( 'url' => Settings::sidecar_url() ) ) : null;
	}

	/**
	 * A finding.
	 *
	 * @param string     $check   What was looked at.
	 * @param string     $code    Stable word.
	 * @param string     $message Plain text.
	 * @param float|null $ms      Milliseconds, if measured.
	 * @param array      $facts   For the advice.
	 */
	private static function finding( string $check, string $code, string $message, ?float $ms = null, array $facts = array() ): array {
		$titles = array(
			'settings'   => __( 'Settings', 'smi-bridge' ),
			'to_sidecar' => __( 'From this site to the sidecar', 'smi-bridge' ),
			'to_shop'    => __( 'From the sidecar to this site', 'smi-bridge' ),
			'paused'     => __( 'Paused', 'smi-bridge' ),
		);
		return array(
			'check'   => $check,
			'ok'      => 'ok' === $code,
			'level'   => 'ok' === $code ? 'ok' : 'bad',
			'code'    => $code,
			'title'   => $titles[ $check ],
			'message' => $message,
			'advice'  => self::advice( $code, $facts ),
			'ms'      => null === $ms ? null : round( $ms, 1 ),
			/* translators: %s: number of milliseconds */
			'detail'  => null === $ms ? '' : sprintf( __( '%s ms', 'smi-bridge' ), number_format_i18n( $ms, 1 ) ),
		);
	}
}
