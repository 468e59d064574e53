<?php
/**
 * The page of jobs: the list, or one job's history.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Admin_Access;
use SmiBridge\Core\Job_Id;
use SmiBridge\Core\Request;

defined( 'ABSPATH' ) || exit;

/**
 * `admin.php?page=smi-bridge-jobs`, with `&job=<id>` one job. Decides which of both it is; rows are the care of Jobs_Table, the history that
 * of Job_Page.
 */
final class Jobs_Page {

	/** The list, made when the page loads so that the screen's options know its columns. @var Jobs_Table|null */
	private static $table = null;

	/** Whether a screen is this page. @param mixed $screen Screen. */
	public static function is_screen( $screen ): bool {
		return $screen instanceof \WP_Screen && false !== strpos( $screen->id, '_page_smi-bridge-jobs' );
	}

	/** Columns that are hidden until somebody wants them. @param string[] $hidden Names. @param \WP_Screen $screen Screen. */
	public static function hidden_at_first( $hidden, $screen ): array {
		return self::is_screen( $screen ) ? array( 'attempt', 'updated', 'credits', 'upsampler' ) : (array) $hidden;
	}

	/** Before any output: runs the action that was asked for, and offers the screen's options. */
	public static function load(): void {
		Job_Actions::handle();
		if ( '' !== self::job_id() ) {
			return;
		}
		add_screen_option(
			'per_page',
			array(
				'label'   => __( 'Jobs on a page', 'smi-bridge' ),
				'default' => 20,
				'option'  => Jobs_Table::PER_PAGE,
			)
		);
		self::$table = new Jobs_Table();
	}

	/** Accepts the screen's option. @param mixed $keep False. @param string $option Name. @param mixed $value Value. */
	public static function save_option( $keep, $option, $value ) {
		return Jobs_Table::PER_PAGE === $option ? max( 1, min( 500, (int) $value ) ) : $keep;
	}

	/** Shows the page. */
	public static function render(): void {
		Admin_Access::check_page();
		$job_id = self::job_id();
		if ( '' !== $job_id ) {
			Job_Page::render( $job_id );
			return;
		}
		$table = self::$table ?? new Jobs_Table();
		$table->prepare_items();
		$wanted = Jobs_Table::wanted();
		include SMI_BRIDGE_DIR . 'templates/admin/jobs.php';
	}

	/** The job that the address names, or ''. */
	private static function job_id(): string {
		$job_id = Request::query( 'job' );
		return Job_Id::matches( $job_id ) ? $job_id : '';
	}
}
