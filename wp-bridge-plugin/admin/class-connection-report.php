<?php
/**
 * Answers the "Test connection" button: runs the core's test and says its findings in plain words.
 *
 * @package SmiBridge
 */

namespace SmiBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Findings are lists of `{check, ok, code, detail?}`; what each code means and how to mend it stands here.
 */
final class Connection_Report {

	/** AJAX: `{ok, findings: [{level, title, text, mend, detail}]}`. */
	public static function answer(): void {
		Admin::check_ajax();
		$findings = array_map( array( self::class, 'say' ), array_values( (array) Sidecar::test_connection() ) );
		wp_send_json_success(
			array(
				'ok'       => ! in_array( 'bad', array_column( $findings, 'level' ), true ),
				'findings' => $findings,
			)
		);
	}

	/**
	 * One finding in plain words.
	 *
	 * @param mixed $finding As the core found it.
	 */
	public static function say( $finding ): array {
		$finding = (array) $finding;
		$level   = isset( $finding['level'] ) ? (string) $finding['level'] : ( empty( $finding['ok'] ) ? 'bad' : 'ok' );
		return array(
			'level'  => in_array( $level, array( 'ok', 'warn', 'bad' ), true ) ? $level : 'bad',
			'title'  => (string) ( $finding['title'] ?? $finding['check'] ?? '' ),
			'text'   => (string) ( $finding['text'] ?? $finding['message'] ?? '' ),
			'mend'   => (string) ( $finding['mend'] ?? $finding['remedy'] ?? '' ),
			'detail' => (string) ( $finding['detail'] ?? '' ),
		);
	}
}
