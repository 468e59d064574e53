<?php
/**
 * Tells an admin what needs a person: one notice, a light in the admin bar, a widget. Never more than that.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Database_Error;
use SmiBridge\Core\Format;
use SmiBridge\Core\Settings;
use SmiBridge\Health\Problems;
use SmiBridge\Jobs\Jobs_Query;

defined( 'ABSPATH' ) || exit;

/**
 * A dismissed problem comes back only when it has got worse, or went away and came again.
 */
final class Problem_Notices {

	/** User meta: kind => size at which it was dismissed. */
	const META = 'smi_bridge_dismissed';

	/** Problems, found once for each request. @var array[]|null */
	private static $found = null;

	/** The notice, on the screens where an admin looks after things. */
	public static function show(): void {
		if ( ! Admin_Access::may() || ! self::is_place( get_current_screen() ) ) {
			return;
		}
		$problems = self::undismissed( self::problems() );
		$problems = array_values( wp_list_filter( $problems, array( 'kind' => 'copy' ), 'NOT' ) ); // Staging_Notice says it, and asks.
		if ( ! $problems ) {
			return;
		}
		$worst = 'bad' === $problems[0]['level'] ? 'error' : 'warning';
		echo '<div class="notice notice-' . esc_attr( $worst ) . ' is-dismissible smib-needs" data-smib-nonce="' . esc_attr( wp_create_nonce( 'smi_bridge_admin' ) ) . '">';
		echo '<p><strong>' . esc_html__( 'SMI Bridge', 'smi-bridge' ) . '</strong></p><ul>';
		foreach ( $problems as $problem ) {
			printf( '<li><a href="%s">%s</a> %s</li>', esc_url( $problem['url'] ), esc_html( $problem['title'] ), esc_html( $problem['text'] ) );
		}
		echo '</ul></div>';
		add_action( 'admin_print_footer_scripts', array( self::class, 'print_script' ) );
	}

	/**
	 * Whether a screen is one where the notice helps. Our dashboard says it better, on the settings page one fixes the connection,
	 * and one job's page tells that job's trouble.
	 *
	 * @param \WP_Screen|null $screen Screen.
	 */
	private static function is_place( $screen ): bool {
		if ( ! $screen ) {
			return false;
		}
		if ( Jobs_Page::is_screen( $screen ) ) {
			return ! isset( $_GET['job'] ); // phpcs:ignore WordPress.Security.NonceVerification -- says what is shown.
		}
		return in_array( $screen->id, array( 'dashboard', 'plugins', 'update-core' ), true ) || false !== strpos( $screen->id, 'sell-my-images' );
	}

	/** Tells WordPress that the notice was closed. */
	public static function print_script(): void {
		wp_print_inline_script_tag(
			'document.addEventListener("click",function(e){var n=e.target.closest(".smib-needs .notice-dismiss");if(!n){return;}' .
			'var b=n.closest(".smib-needs");fetch(ajaxurl,{method:"POST",credentials:"same-origin",body:new URLSearchParams({action:"smi_bridge_dismiss",nonce:b.dataset.smibNonce})});});'
		);
	}

	/** AJAX: the present problems are dismissed for this user. */
	public static function dismiss(): void {
		Admin_Access::check_ajax();
		update_user_meta( get_current_user_id(), self::META, array_column( Problems::all(), 'size', 'kind' ) );
		wp_send_json_success();
	}

	/** The light in the admin bar: only when something is wrong. @param \WP_Admin_Bar $bar The bar. */
	public static function light( $bar ): void {
		if ( ! is_admin() || ! Admin_Access::may() || ! Settings::is_configured() ) {
			return;
		}
		$problems = self::problems();
		if ( ! $problems ) {
			return;
		}
		$is_bad = 'bad' === $problems[0]['level'];
		$bar->add_node(
			array(
				'id'    => 'smi-bridge',
				'title' => '<span class="ab-icon dashicons dashicons-format-gallery" aria-hidden="true"></span><span class="ab-label">' . esc_html( number_format_i18n( count( $problems ) ) ) . '</span><span class="screen-reader-text">' . esc_html__( 'things in SMI Bridge need you', 'smi-bridge' ) . '</span>',
				'href'  => Admin_Access::url( 'dashboard' ),
				'meta'  => array( 'class' => $is_bad ? 'smib-light bad' : 'smib-light' ),
			)
		);
		foreach ( $problems as $index => $problem ) {
			$bar->add_node(
				array(
					'parent' => 'smi-bridge',
					'id'     => 'smi-bridge-' . $index,
					'title'  => esc_html( $problem['title'] ),
					'href'   => $problem['url'],
				)
			);
		}
		add_action( 'admin_print_footer_scripts', array( self::class, 'print_light_style' ) );
	}

	/** The light's colour. */
	public static function print_light_style(): void {
		echo '<style>#wpadminbar .smib-light>.ab-item .ab-icon::before,#wpadminbar .smib-light>.ab-item .ab-label{color:#f5c26b}#wpadminbar .smib-light.bad>.ab-item .ab-icon::before,#wpadminbar .smib-light.bad>.ab-item .ab-label{color:#ff9d9d}' .
			// A phone shows only those items of the bar that ask for it.
			'@media(max-width:782px){#wpadminbar li#wp-admin-bar-smi-bridge{display:block}#wpadminbar .smib-light>.ab-item{display:flex;align-items:center;padding:0 6px}#wpadminbar .smib-light .ab-icon::before{font-size:30px;line-height:1.5}#wpadminbar .smib-light .ab-label{display:block;font-size:15px}}</style>';
	}

	/** Adds the widget. */
	public static function add_widget(): void {
		if ( Admin_Access::may() ) {
			wp_add_dashboard_widget( 'smi_bridge', __( 'SMI Bridge', 'smi-bridge' ), array( self::class, 'widget' ) );
		}
	}

	/** The three numbers that matter, and what needs a person. */
	public static function widget(): void {
		try {
			$stats   = Stats::of( '24h' );
			$working = Jobs_Query::count( 'working' );
		} catch ( Database_Error $fault ) {
			echo '<p>' . esc_html__( 'The ledger can’t be read.', 'smi-bridge' ) . '</p>';
			return;
		}
		$numbers = array(
			array( number_format_i18n( $working ), __( 'in progress', 'smi-bridge' ), Admin_Access::url( 'jobs', array( 'view' => 'working' ) ) ),
			array( number_format_i18n( $stats['delivered'] ), __( 'delivered in 24 hours', 'smi-bridge' ), Admin_Access::url( 'dashboard' ) ),
			array( null === $stats['p50'] ? '–' : Format::span( $stats['p50'] ), __( 'from payment to delivery', 'smi-bridge' ), Admin_Access::url( 'dashboard' ) ),
		);
		echo '<style>.smib-widget{display:grid;grid-template-columns:repeat(3,1fr);gap:12px;margin:0 0 8px}.smib-widget a{text-decoration:none;color:inherit}.smib-widget strong{display:block;font-size:24px;line-height:1.4;font-weight:600}.smib-widget a:hover strong{color:#2271b1}.smib-widget-list{margin:0;border-block-start:1px solid #f0f0f1;padding-block-start:8px}</style><div class="smib-widget">';
		foreach ( $numbers as $number ) {
			printf( '<a href="%s"><strong>%s</strong>%s</a>', esc_url( $number[2] ), esc_html( $number[0] ), esc_html( $number[1] ) );
		}
		echo '</div><ul class="smib-widget-list">';
		foreach ( self::problems() as $problem ) {
			printf( '<li><a href="%s">%s</a></li>', esc_url( $problem['url'] ), esc_html( $problem['title'] ) );
		}
		if ( ! self::problems() ) {
			echo '<li>' . esc_html__( 'All is well. Nothing needs you.', 'smi-bridge' ) . '</li>';
		}
		echo '</ul>';
	}

	/** Problems, found once for each request. */
	private static function problems(): array {
		self::$found = self::$found ?? Problems::all();
		return self::$found;
	}

	/**
	 * Problems that this user has not dismissed at their present size. What went away is forgotten.
	 *
	 * @param array[] $problems Problems.
	 */
	private static function undismissed( array $problems ): array {
		$user      = get_current_user_id();
		$dismissed = get_user_meta( $user, self::META, true );
		$dismissed = is_array( $dismissed ) ? $dismissed : array();
		$sizes     = array_column( $problems, 'size', 'kind' );
		$still     = array();
		foreach ( array_intersect_key( $dismissed, $sizes ) as $kind => $size ) {
			$still[ $kind ] = min( (int) $size, (int) $sizes[ $kind ] ); // It got better: from here on worse is worse again.
		}
		if ( $still !== $dismissed ) {
			update_user_meta( $user, self::META, $still );
		}
		return array_values(
			array_filter(
				$problems,
				static function ( $problem ) use ( $still ) {
					return ! isset( $still[ $problem['kind'] ] ) || $problem['size'] > $still[ $problem['kind'] ];
				}
			)
		);
	}
}
