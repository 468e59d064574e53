<?php
/**
 * The list of jobs. Shows rows; actions are links to Job_Actions.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Request;
use SmiBridge\Core\Schemas;
use SmiBridge\Core\Sql;
use SmiBridge\Jobs\Allowed_Actions;
use SmiBridge\Jobs\Jobs_Query;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';

/**
 * `WP_List_Table` over Jobs_Query. Items are ledger rows with the shop's job under `job`.
 */
final class Jobs_Table extends \WP_List_Table {

	/** Option of the screen: rows on a page. */
	const PER_PAGE = 'smi_bridge_jobs_per_page';

	/** What is asked for. @var array */
	private $wanted;

	/** A table for the present screen. */
	public function __construct() {
		parent::__construct(
			array(
				'singular' => 'job',
				'plural'   => 'jobs',
				'ajax'     => false,
			)
		);
		$this->wanted = self::wanted();
	}

	/** View, search, dates and order as the address says. */
	public static function wanted(): array {
		$line = static function ( $name ) {
			return sanitize_text_field( Request::query( $name ) );
		};
		return array(
			'view'   => '' === $line( 'view' ) ? 'all' : $line( 'view' ),
			'search' => $line( 's' ),
			'from'   => $line( 'from' ),
			'to'     => $line( 'to' ),
			'order'  => 'asc' === $line( 'order' ) ? 'asc' : 'desc',
		);
	}

	/** Reads the page's rows, and everything that they show, in a handful of statements. */
	public function prepare_items() {
		$limit       = $this->get_items_per_page( self::PER_PAGE, 20 );
		$offset      = ( $this->get_pagenum() - 1 ) * $limit;
		$found       = Jobs_Query::find( $this->wanted + compact( 'limit', 'offset' ) );
		$this->items = $found['rows'];
		$jobs        = Shop::jobs( array_column( $this->items, 'job_id' ) );
		$pictures    = array_filter( array_map( 'intval', array_column( $jobs, 'attachment_id' ) ) );
		if ( $pictures ) {
			_prime_post_caches( array_unique( $pictures ), false, true );
		}
		foreach ( $this->items as &$item ) {
			$item['job'] = $jobs[ $item['job_id'] ] ?? null;
		}
		unset( $item );
		$this->set_pagination_args(
			array(
				'total_items' => $found['total'],
				'per_page'    => $limit,
			)
		);
	}

	/** {@inheritDoc} */
	public function get_columns() {
		return array( 'cb' => '<input type="checkbox">' ) + Schemas::words( 'pages', 'columns' );
	}

	/** {@inheritDoc} */
	protected function get_sortable_columns() {
		return array( 'created' => array( 'created', true ) );
	}

	/** {@inheritDoc} */
	protected function get_primary_column_name() {
		return 'picture';
	}

	/** {@inheritDoc} */
	protected function get_bulk_actions() {
		return array_diff_key( Allowed_Actions::labels(), array( 'mark_refunded' => true, 'refund_downloaded' => true ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing -- both need a look at the job.
	}

	/** {@inheritDoc} */
	protected function get_views() {
		$counts = Jobs_Query::counts();
		$links  = array();
		foreach ( Jobs_Query::views() as $view => $label ) {
			if ( 'all' !== $view && ! $counts[ $view ] && $view !== $this->wanted['view'] ) {
				continue;
			}
			$links[ $view ] = sprintf(
				'<a href="%s"%s>%s <span class="count">(%s)</span></a>',
				esc_url( Admin_Access::url( 'jobs', 'all' === $view ? array() : array( 'view' => $view ) ) ),
				$view === $this->wanted['view'] ? ' class="current" aria-current="page"' : '',
				esc_html( $label ),
				esc_html( number_format_i18n( $counts[ $view ] ) )
			);
		}
		return $links;
	}

	/** The filter of dates. @param string $which 'top' or 'bottom'. */
	protected function extra_tablenav( $which ) {
		if ( 'top' !== $which ) {
			return;
		}
		?>
		<div class="alignleft actions smib-dates">
			<label><?php esc_html_e( 'Paid from', 'smi-bridge' ); ?> <input type="date" name="from" form="smib-filter" value="<?php echo esc_attr( $this->wanted['from'] ); ?>"></label>
			<label><?php esc_html_e( 'to', 'smi-bridge' ); ?> <input type="date" name="to" form="smib-filter" value="<?php echo esc_attr( $this->wanted['to'] ); ?>"></label>
			<button class="button" form="smib-filter"><?php esc_html_e( 'Filter', 'smi-bridge' ); ?></button>
		</div>
		<?php
	}

	/** {@inheritDoc} */
	public function no_items() {
		if ( 'all' === $this->wanted['view'] && '' === $this->wanted['search'] . $this->wanted['from'] . $this->wanted['to'] ) {
			esc_html_e( 'No jobs yet. The first one appears here as soon as a picture is paid for.', 'smi-bridge' );
		} else {
			esc_html_e( 'No jobs like that.', 'smi-bridge' );
		}
	}

	/** The checkbox. @param array $item Item. */
	protected function column_cb( $item ) {
		/* translators: %s: reference of an order */
		$label = sprintf( __( 'Select %s', 'smi-bridge' ), Format::reference( $item['job_id'] ) );
		printf( '<input type="checkbox" name="jobs[]" value="%1$s" id="job-%1$s"><label for="job-%1$s"><span class="screen-reader-text">%2$s</span></label>', esc_attr( $item['job_id'] ), esc_html( $label ) );
	}

	/** Picture, title, reference. @param array $item Item. */
	protected function column_picture( $item ) {
		$attachment = (int) ( $item['job']['attachment_id'] ?? 0 );
		$thumb      = $attachment ? wp_get_attachment_image( $attachment, array( 44, 44 ), true, array( 'class' => 'smib-thumb', 'alt' => '' ) ) : '<span class="smib-thumb"></span>'; // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		$title      = $item['job'] ? (string) Shop::title( $item['job'] ) : '';
		printf(
			'<div class="smib-picture">%1$s<div><a class="row-title" href="%2$s">%3$s</a><span class="smib-ref">%4$s</span><span class="smib-phone">%5$s</span></div></div>',
			wp_kses_post( $thumb ),
			esc_url( Admin_Access::url( 'jobs', array( 'job' => $item['job_id'] ) ) ),
			esc_html( '' === $title ? __( 'Untitled picture', 'smi-bridge' ) : $title ),
			esc_html( Format::reference( $item['job_id'] ) ),
			Job_Labels::badge( $item ) // phpcs:ignore WordPress.Security.EscapeOutput -- escaped there.
		);
	}

	/** State and what it waits for. @param array $item Item. */
	protected function column_state( $item ) {
		$lines = array_filter( array( in_array( $item['state'], array( 'review', 'refunded' ), true ) || Job_Labels::is_past_due( $item ) ? Job_Labels::reason( $item['reason'] ) : '', Job_Labels::next( $item ) ) );
		echo Job_Labels::badge( $item ); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped there.
		foreach ( $lines as $line ) {
			echo '<span class="smib-sub">' . esc_html( $line ) . '</span>';
		}
	}

	/** E-mail. @param array $item Item. */
	protected function column_customer( $item ) {
		$email = (string) ( $item['job']['email'] ?? '' );
		echo '' === $email ? '<span class="smib-none">' . esc_html__( 'no address', 'smi-bridge' ) . '</span>' : '<span class="smib-mail">' . esc_html( $email ) . '</span>';
	}

	/** Factor and price. @param array $item Item. */
	protected function column_order( $item ) {
		echo esc_html( implode( ' · ', array_filter( array( Format::factor( $item['job']['factor'] ?? 0 ), Format::amount( $item['job']['amount'] ?? null ) ) ) ) );
	}

	/** What was delivered. @param array $item Item. */
	protected function column_file( $item ) {
		if ( null === $item['path'] ) {
			echo '<span aria-hidden="true">—</span><span class="screen-reader-text">' . esc_html__( 'none yet', 'smi-bridge' ) . '</span>';
			return;
		}
		echo esc_html( number_format_i18n( (int) $item['width'] ) . ' × ' . number_format_i18n( (int) $item['height'] ) );
		echo '<span class="smib-sub">' . esc_html( Format::format( $item['format'] ) . ', ' . Format::size( $item['bytes'] ) ) . '</span>';
		if ( null !== $item['downloaded_at'] ) {
			echo '<span class="smib-sub">' . esc_html__( 'downloaded', 'smi-bridge' ) . '</span>';
		}
		if ( null !== $item['revoked_at'] ) {
			echo '<span class="smib-sub">' . esc_html__( 'link revoked', 'smi-bridge' ) . '</span>';
		} elseif ( $item['expires_at'] && Format::timestamp( $item['expires_at'] ) < time() ) {
			echo '<span class="smib-sub">' . esc_html__( 'link has ended', 'smi-bridge' ) . '</span>';
		}
	}

	/** The other columns. @param array $item Item. @param string $column Name. */
	protected function column_default( $item, $column ) {
		if ( 'created' === $column || 'updated' === $column ) {
			return self::time( $item[ $column . '_at' ] );
		}
		$values = array(
			'attempt'   => (string) $item['attempt'],
			'credits'   => null === $item['credits'] ? '—' : number_format_i18n( (float) $item['credits'], 2 ),
			'upsampler' => $item['upsampler_id'] ?? '—',
		);
		return esc_html( $values[ $column ] ?? '' );
	}

	/** Links under the title. @param array $item Item. @param string $column Column. @param string $primary Primary column. */
	protected function handle_row_actions( $item, $column, $primary ) {
		if ( $column !== $primary ) {
			return '';
		}
		$links = array( 'view' => sprintf( '<a href="%s">%s</a>', esc_url( Admin_Access::url( 'jobs', array( 'job' => $item['job_id'] ) ) ), esc_html__( 'History', 'smi-bridge' ) ) );
		foreach ( Allowed_Actions::possible( $item ) as $action ) {
			$links[ $action ] = Job_Actions::link( Allowed_Actions::of_row( $action, $item ), $item['job_id'] );
		}
		return $this->row_actions( $links );
	}

	/**
	 * A moment as distance, with the whole of it on hover.
	 *
	 * @param string $utc Time in UTC.
	 * @return string HTML.
	 */
	private static function time( string $utc ): string {
		return sprintf( '<time datetime="%s" title="%s">%s</time>', esc_attr( (string) Sql::rfc3339( $utc ) ), esc_attr( Format::moment( $utc ) ), esc_html( Format::distance( $utc ) ) );
	}
}
