<?php
/**
 * The customer's view in the front end: loads script and words only where a customer may need them. Decides nothing about a job.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Customer;

use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Request;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Settings;
use SmiBridge\Mail\Mail_Settings;
use SmiBridge\Shop\Compat;
use SmiBridge\Shop\Shop;
use SmiBridge\Shop\Source_Place;

defined( 'ABSPATH' ) || exit;

/**
 * Three ways in: return from payment (any page), `[smi_status job_id=""]`, and the status page by link (Status_Page).
 *
 * An ordinary page view costs the visitor one inline script of about 900 bytes, no request: it looks whether the address or this
 * browser's memory names a job, and only then fetches the view.
 */
final class Status_View {

	/** Whether this page certainly shows the view, so that words are printed at once instead of fetched. */
	private static $wanted = array();

	/**
	 * The address of a job's status page, with the secret that leads to the file: for the customer, and for who may see all.
	 *
	 * @param string $job_id The job's id.
	 */
	public static function link( string $job_id ): string {
		$address = add_query_arg( 'smi_status_page', rawurlencode( $job_id ), home_url( '/' ) );
		$token   = Status_Access::grant( $job_id );
		return '' === $token ? $address : add_query_arg( Status_Access::IN_ADDRESS, $token, $address );
	}

	/** The same, unless another plugin has named a page already. @param string $url Address. @param string $job_id The job's id. */
	public static function link_for_mail( $url, $job_id ): string {
		return '' === (string) $url ? self::link( (string) $job_id ) : (string) $url;
	}

	/** Loads the translation that came with the plugin; one from WordPress' own language folder wins. */
	public static function load_words(): void {
		load_plugin_textdomain( 'smi-bridge', false, dirname( plugin_basename( SMI_BRIDGE_FILE ) ) . '/languages' );
	}

	/** Prints the inline starter into the head, before any other script can tidy the address. */
	public static function print_starter(): void {
		$back = self::job_of_return();
		if ( '' !== $back ) {
			self::want( $back );
		}
		$starter = self::starter();
		wp_print_inline_script_tag( $starter, array( 'id' => 'smi-bridge-starter' ) );
	}

	/** `send_headers`: the page to which the payment provider sends the payer back, whatever page that is, and any that is opened with a key to a job. */
	public static function on_return(): void {
		// phpcs:ignore WordPress.Security.NonceVerification -- looked at, never used.
		if ( isset( $_GET['smi_job_id'] ) || Compat::is_back_from_payment() || Status_Access::brings_proof() ) {
			nocache_headers();
			Private_Answer::mark();
			Private_Answer::send( 'same-origin' ); // The theme's own forms may look at the referrer.
		}
	}

	/**
	 * Renders the view in place: what the server knows now as plain HTML, which the script replaces by the live view.
	 *
	 * @param string $job_id The job's id.
	 * @param string $level  Tag of the heading.
	 */
	public static function inline( string $job_id, string $level = 'h2' ): string {
		if ( ! Job_Id::matches( $job_id ) ) {
			return '';
		}
		self::want( $job_id );
		Private_Answer::mark();
		Private_Answer::send( 'same-origin' ); // Where the theme has begun the page, on_return() has done so if there may be a link.
		$document = Status_Route::of_job( $job_id, '' !== Status_Access::of_request( $job_id ) );
		ob_start();
		$smib_words = self::words();
		$smib_phase = isset( $smib_words[ 'title_' . $document['phase'] ] ) ? $document['phase'] : 'delayed';
		include SMI_BRIDGE_DIR . 'templates/status-inline.php';
		return (string) ob_get_clean();
	}

	/**
	 * The shortcode. Without `job_id` it takes the job from the address (`smi_job_id` or `job_id`), and shows nothing when there is none.
	 *
	 * @param array|string $attributes Attributes as written.
	 */
	public static function shortcode( $attributes ): string {
		$attributes = shortcode_atts( array( 'job_id' => '' ), (array) $attributes, 'smi_status' );
		$job_id     = (string) $attributes['job_id'];
		return self::inline( '' === $job_id ? self::job_of_return() : $job_id );
	}

	/** In the footer: the script itself, where the page is known to need it. */
	public static function print_script(): void {
		if ( ! self::$wanted ) {
			return;
		}
		$more = self::details( array_keys( self::$wanted ) );
		wp_print_inline_script_tag( 'Object.assign(window.smiBridge=window.smiBridge||{},' . self::json( $more ) . ');', array( 'id' => 'smi-bridge-words' ) );
		wp_print_script_tag(
			array(
				'id'  => 'smi-bridge-status',
				'src' => self::asset( 'status.js' ),
			)
		);
	}

	/** Registers `GET smi-bridge/v1/view`: words and picture for a page that could not know that it needs them. */
	public static function register_route(): void {
		register_rest_route(
			'smi-bridge/v1',
			'/view',
			array(
				'methods'             => 'GET',
				'callback'            => array( self::class, 'answer' ),
				'permission_callback' => '__return_true', // Words for everybody; what leads to the file needs a proof.
				'args'                => array(
					'job'    => array(
						'type'    => 'string',
						'pattern' => '^(' . Job_Id::PATTERN . ')?$',
						'default' => '',
					),
					'locale' => array(
						'type'    => 'string',
						'pattern' => '^[A-Za-z0-9_]{0,30}$',
						'default' => '',
					),
				),
			)
		);
	}

	/**
	 * Answers the route.
	 *
	 * @param \WP_REST_Request $request The request.
	 */
	public static function answer( $request ): \WP_REST_Response {
		$locale   = (string) $request['locale'];
		$switched = '' !== $locale && get_locale() !== $locale && in_array( $locale, get_available_languages(), true ) && switch_to_locale( $locale );
		$job      = (string) $request['job'];
		$answer   = new \WP_REST_Response( self::details( '' === $job ? array() : array( $job ) ) );
		if ( $switched ) {
			restore_previous_locale();
		}
		if ( '' === $job ) { // Words alone: anybody's, for some minutes.
			$answer->header( 'Cache-Control', 'private, max-age=600' );
		} else {
			Private_Answer::rest( $answer );
		}
		return $answer;
	}

	/** What the script needs on every page. @return array {js, css, view: addresses; status: addresses that are asked in turn} */
	public static function basics(): array {
		$urls = array();
		if ( '' !== Settings::public_url() ) {
			$urls[] = trailingslashit( Settings::public_url() ) . 'status/';
		}
		$urls[] = rest_url( 'smi-bridge/v1/status/' );
		/** Filters where status documents are asked for, in this order; the job's id is appended. */
		$urls = (array) apply_filters( 'smi_bridge_status_urls', $urls );
		return array(
			'js'     => self::asset( 'status.js' ),
			'css'    => self::asset( 'status.css' ),
			'view'   => add_query_arg( 'locale', get_locale(), rest_url( 'smi-bridge/v1/view' ) ),
			'status' => array_values( $urls ),
		);
	}

	/** Address of one of our files, with its version. @param string $file Name below assets/. */
	public static function asset( string $file ): string {
		return add_query_arg( 'ver', SMI_BRIDGE_VERSION, plugins_url( 'assets/' . $file, SMI_BRIDGE_FILE ) );
	}

	/**
	 * JSON that may stand inside a script element: no `<`, no line separators.
	 *
	 * @param mixed $data The data.
	 */
	public static function json( $data ): string {
		return (string) wp_json_encode( $data, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_INVALID_UTF8_SUBSTITUTE );
	}

	/** Every word of the view, read by the script and by the HTML that stands in for it: key => words; `title_<phase>` and so on. */
	private static function words(): array {
		$view  = Schemas::get( 'view' );
		$words = $view['words'];
		foreach ( $view['phases'] as $phase => $parts ) {
			foreach ( $parts as $part => $said ) {
				$words[ $part . '_' . $phase ] = $said;
			}
		}
		/** Filters the words of the customer's view. Keep the placeholders. @param string[] $words Key => words. */
		return (array) apply_filters( 'smi_bridge_status_words', Schemas::in_words( $words ) );
	}

	/**
	 * Title and thumbnail of what was bought: `{title, thumb}`, either may be ''.
	 *
	 * @param string $job_id The job's id.
	 */
	private static function about( string $job_id ): array {
		$job = Status_Access::job( $job_id );
		/**
		 * Filters what the customer's view shows of the bought picture.
		 *
		 * @param array  $about  `{title, thumb}`; thumb is the address of a small picture.
		 * @param string $job_id The job's id.
		 */
		return (array) apply_filters(
			'smi_bridge_about_job',
			array(
				'title' => $job ? (string) Shop::title( $job ) : '',
				'thumb' => Source_Place::preview( $job, 'thumbnail' ),
			),
			$job_id
		);
	}

	/**
	 * Words, colours, help, and what is known about the jobs.
	 *
	 * @param string[] $job_ids Ids.
	 */
	private static function details( array $job_ids ): array {
		list( $accent, $on_accent ) = Mail_Settings::accents();
		$about                      = array();
		$docs                       = array();
		$tokens                     = array();
		foreach ( $job_ids as $job_id ) {
			$about[ $job_id ] = self::about( $job_id );
			$token            = Status_Access::of_request( $job_id );
			$document         = Status_Route::of_job( $job_id, '' !== $token );
			if ( 'unknown' !== $document['phase'] ) {
				$docs[ $job_id ] = $document;
			}
			if ( '' !== $token ) {
				$tokens[ $job_id ] = $token;
			}
		}
		return array(
			'text'        => self::words(),
			'accent'      => $accent,
			'onAccent'    => $on_accent,
			'support'     => Mail_Settings::support_link( 'REFERENCE' ),
			'supportName' => preg_replace( '#^https?://#', '', Mail_Settings::support() ),
			'about'       => (object) $about,
			'docs'        => (object) $docs,
			'tokens'      => (object) $tokens,
		);
	}

	/** Notes that this page shows a job. @param string $job_id Its id. */
	private static function want( string $job_id ): void {
		self::$wanted[ $job_id ] = true;
	}

	/** The job that the address names on return from payment, or ''. Read only to render; nothing is changed by it. */
	private static function job_of_return(): string {
		$job = Request::query( 'smi_job_id' );
		$job = '' === $job && Compat::is_back_from_payment() ? Request::query( 'job_id' ) : $job;
		return Job_Id::matches( $job ) ? $job : '';
	}

	/**
	 * The inline script: reads the address once, remembers what it said, fetches the view when there is something to show.
	 */
	private static function starter(): string {
		return '(function(b){' .
			'var q=new URLSearchParams(location.search.replace(' . Compat::SECOND_QUERY . ',"&smi_payment=")),p=q.get("smi_payment"),s=q.get("smi_status")||"",j=q.get("smi_job_id")||(p?q.get("job_id"):null),c=/^cancel/,m=null;' .
			'try{m=localStorage.getItem("smi-bridge")}catch(e){}' .
			'b.back={job:j,session:q.get("session_id"),cancelled:c.test(p||"")||c.test(s)};' .
			'window.smiBridge=b;' .
			'if((j||b.back.cancelled||m)&&!' . ( self::$wanted ? 'true' : 'false' ) . '){' .
			'var n=document.createElement("script");n.src=b.js;n.async=true;document.head.appendChild(n)}' .
			'}(' . self::json( self::basics() ) . '));';
	}

	/** Registers the block. Its script is only named: to register it here would build the list of all scripts in each request. */
	public static function register_block(): void {
		register_block_type( SMI_BRIDGE_DIR . 'assets/block', array( 'render_callback' => array( self::class, 'render_block' ) ) );
	}

	/**
	 * Adds the editor's script when WordPress builds its list of scripts, which a payment or a message from the sidecar never needs.
	 *
	 * @param \WP_Scripts $scripts The list.
	 */
	public static function add_block_script( $scripts ): void {
		$needs = array( 'wp-blocks', 'wp-element', 'wp-block-editor', 'wp-components', 'wp-i18n' );
		$scripts->add( 'smi-bridge-block', plugins_url( 'assets/block/editor.js', SMI_BRIDGE_FILE ), $needs, SMI_BRIDGE_VERSION, 1 ); // 1: in the footer.
		$scripts->set_translations( 'smi-bridge-block', 'smi-bridge', SMI_BRIDGE_DIR . 'languages' );
	}

	/** Renders the block. @param array $attributes Attributes. */
	public static function render_block( $attributes ): string {
		$view = self::shortcode( array( 'job_id' => (string) ( $attributes['jobId'] ?? '' ) ) );
		return '' === $view ? '' : sprintf( '<div %s>%s</div>', get_block_wrapper_attributes(), $view );
	}
}
