<?php
/**
 * Which jobs belong to an e-mail address or a post: asks the shop's table. Reads only.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Shop;

use SmiBridge\Core\Sql;

defined( 'ABSPATH' ) || exit;

/**
 * The words that people have at hand when they ask for an order: the beginning of an e-mail address, a post's number, words of a title.
 * Knows Sell My Images only; another shop answers by a filter.
 */
final class Job_Search {

	/** Enough for a person to look through. */
	const LIMIT = 500;

	/**
	 * Ids of jobs.
	 *
	 * @param string $words An e-mail address or its beginning, a post's number, or words of its title.
	 * @return string[]
	 */
	public static function ids( string $words ): array {
		/**
		 * Answers a search instead of Sell My Images' table.
		 *
		 * @param string[]|null $ids   Ids of jobs, or null.
		 * @param string        $words What was typed.
		 */
		$ids = apply_filters( 'smi_bridge_search_jobs', null, $words );
		if ( is_array( $ids ) ) {
			return array_slice( array_map( 'strval', $ids ), 0, self::LIMIT );
		}
		$table   = $GLOBALS['wpdb']->prefix . Sell_My_Images::TABLE;
		$columns = Sell_My_Images::columns();
		if ( ! $columns ) {
			return array();
		}
		$tests = array( 'email LIKE ' . Sql::value( $GLOBALS['wpdb']->esc_like( $words ) . '%' ) );
		$posts = self::posts( $words );
		foreach ( array_intersect( array( 'post_id', 'attachment_id' ), $posts ? $columns : array() ) as $column ) {
			$tests[] = "$column IN (" . implode( ', ', $posts ) . ')';
		}
		return array_column( Sql::rows( "SELECT job_id FROM $table WHERE " . implode( ' OR ', $tests ) . ' ORDER BY id DESC LIMIT ' . self::LIMIT ), 'job_id' );
	}

	/**
	 * Posts and pictures with that number or title.
	 *
	 * @param string $words What was typed.
	 * @return int[]
	 */
	private static function posts( string $words ): array {
		if ( ctype_digit( $words ) ) {
			return array( (int) $words );
		}
		if ( strlen( $words ) < 3 || false !== strpos( $words, '@' ) ) {
			return array();
		}
		return array_map(
			'intval',
			get_posts(
				array(
					'post_type'              => array( 'post', 'page', 'attachment' ),
					'post_status'            => array( 'publish', 'inherit', 'private', 'draft' ),
					's'                      => $words,
					'search_columns'         => array( 'post_title' ),
					'fields'                 => 'ids',
					'posts_per_page'         => 100,
					'no_found_rows'          => true,
					'update_post_meta_cache' => false,
					'update_post_term_cache' => false,
				)
			)
		);
	}
}
