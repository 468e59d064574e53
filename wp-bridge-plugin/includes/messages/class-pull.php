<?php
/**
 * The sidecar's questions: jobs.unfinished, jobs.lookup, status. Truth is pulled: whatever message was lost, here it is found.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Settings;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Jobs\Job_Record;
use SmiBridge\Jobs\Refund;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Install;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Handlers: checked data in, outcome out (docs/contract.md, part 3).
 */
final class Pull {

	/** Paid jobs from before the bridge was installed are taken over if they are younger than this: those in flight, not the dead. */
	const TAKE_OVER = DAY_IN_SECONDS;

	/** Paid jobs without a ledger row are looked for among those of the last days. */
	const LOOK_BACK = 30 * DAY_IN_SECONDS;

	/** They are looked through in pages of so many, … */
	const PAGE = 2000;

	/** … and so many pages: a bound, not a wish. */
	const PAGES = 50;

	/** Ends by a refund or a stop are told for so long: the sidecar forgets a settled job after a day, and asks when it needs it again. */
	const ENDS_TOLD = DAY_IN_SECONDS + HOUR_IN_SECONDS;

	/** At most so many, the newest first. */
	const MOST_ENDS = 1000;

	/**
	 * Paid and not settled, by ledger id.
	 *
	 * @param array $data See schema.
	 */
	public static function unfinished( array $data ): Outcome {
		$limit   = (int) $data['limit'];
		$after   = (int) ( $data['after'] ?? 0 );
		$effects = array();
		if ( 0 === $after ) {
			self::take_in();
			$effects = self::end_cut_off_refunds();
			Install::tidy_when_due(); // WP-Cron may never come; the sidecar does, every minute.
		}
		$open = Sql::in( States::where_settled( false ) );
		$rows = Sql::rows(
			'SELECT l.* FROM ' . Sql::table( 'ledger' ) . ' l LEFT JOIN ' . Sql::table( 'ledger' ) . " n ON n.job_id = l.job_id AND n.attempt > l.attempt
			WHERE n.id IS NULL AND l.state IN $open AND l.id > %d ORDER BY l.id LIMIT %d",
			array( $after, $limit + 1 )
		);
		$more = count( $rows ) > $limit;
		$rows = array_slice( $rows, 0, $limit );
		return Outcome::done(
			array(
				'jobs'  => self::records( $rows ),
				'next'  => $more ? (int) end( $rows )['id'] : null,
				'ended' => 0 === $after ? self::ended() : array(),
			),
			$effects
		);
	}

	/**
	 * What has ended here and not by the sidecar's word: refunded, stopped, its link revoked. `job.cancel` said so and may be lost;
	 * a customer who has his money back would keep a link that works.
	 *
	 * @return array[] List of {job_id, attempt, state}.
	 */
	private static function ended(): array {
		$rows = Sql::rows(
			'SELECT l.job_id, l.attempt, l.state FROM ' . Sql::table( 'ledger' ) . ' l LEFT JOIN ' . Sql::table( 'ledger' ) . " n ON n.job_id = l.job_id AND n.attempt > l.attempt
			WHERE n.id IS NULL AND l.state IN ('refunded', 'delivered', 'review') AND l.updated_at > %s
			AND ( l.state = 'refunded' OR l.revoked_at IS NOT NULL OR ( l.state = 'review' AND l.reason = %s ) ) ORDER BY l.updated_at DESC LIMIT %d",
			array( Sql::utc( time() - self::ENDS_TOLD ), Reasons::STOPPED, self::MOST_ENDS )
		);
		foreach ( $rows as $index => $row ) {
			$rows[ $index ]['attempt'] = (int) $row['attempt'];
		}
		return $rows;
	}

	/**
	 * The ledger's word on named jobs.
	 *
	 * @param array $data See schema.
	 */
	public static function lookup( array $data ): Outcome {
		return Outcome::done( array( 'jobs' => self::records( array_values( Ledger::newest_of( $data['job_ids'] ) ) ) ) );
	}

	/** How we are. */
	public static function status(): Outcome {
		return Outcome::done(
			array(
				'site'         => Site::identity(),
				'version'      => SMI_BRIDGE_VERSION,
				'wordpress'    => (string) get_bloginfo( 'version' ),
				'php'          => PHP_VERSION,
				'time'         => gmdate( 'Y-m-d\TH:i:s\Z' ),
				'uploads_dir'  => wp_get_upload_dir()['basedir'],
				'shop'         => Shop::name(),
				'connected'    => Settings::is_connected(),
				'expiry_hours' => Settings::expiry_hours(),
			)
		);
	}

	/**
	 * Records of ledger rows; the shop is asked once.
	 *
	 * @param array[] $rows Ledger rows.
	 */
	private static function records( array $rows ): array {
		$jobs  = Shop::jobs( array_column( $rows, 'job_id' ) );
		$posts = array_filter( array_merge( array_column( $jobs, 'attachment_id' ), array_column( $jobs, 'post_id' ) ) );
		if ( count( $posts ) > 1 ) {
			_prime_post_caches( array_unique( array_map( 'intval', $posts ) ), false, false ); // Titles.
		}
		$records = array();
		foreach ( $rows as $row ) {
			$records[] = Job_Record::record( $row, $jobs[ $row['job_id'] ] ?? null );
		}
		return $records;
	}

	/**
	 * Paid jobs that never reached us: they have no row in the ledger.
	 *
	 * @param int $limit At most so many are looked at.
	 * @return array[] Job id => job.
	 */
	public static function missing( int $limit ): array {
		if ( ! Settings::is_connected() ) {
			return array();
		}
		$since   = max( Settings::connected_since() - self::TAKE_OVER, time() - self::LOOK_BACK );
		$job_ids = Shop::paid_jobs( $since, max( 500, $limit ) );
		$missing = array_diff( $job_ids, array_keys( Ledger::newest_of( $job_ids ) ) );
		return array_filter(
			$job_ids ? Shop::jobs( $missing ) : array(),
			static function ( $job, $job_id ) {
				return $job['paid'] && preg_match( '/^[A-Za-z0-9_-]{1,64}\z/', (string) $job_id );
			},
			ARRAY_FILTER_USE_BOTH
		);
	}

	/**
	 * Gives paid jobs that never reached us their row. All that the shop has open are looked through: those in flight, too.
	 */
	private static function take_in(): void {
		if ( ! Settings::is_connected() ) {
			return;
		}
		$since = max( Settings::connected_since() - self::TAKE_OVER, time() - self::LOOK_BACK );
		for ( $page = 0; $page < self::PAGES; $page++ ) {
			$job_ids = Shop::paid_jobs( $since, self::PAGE, $page * self::PAGE );
			foreach ( Shop::jobs( array_values( array_diff( $job_ids, Ledger::known( $job_ids ) ) ) ) as $job_id => $job ) {
				self::take( (string) $job_id, $job );
			}
			if ( count( $job_ids ) < self::PAGE ) {
				return;
			}
		}
	}

	/**
	 * One of them. If the shop's own handler had submitted it when the bridge was connected, it keeps its Upsampler id, and goes on
	 * from there instead of being paid twice.
	 *
	 * @param string $job_id The shop's id.
	 * @param array  $job    A job.
	 */
	private static function take( string $job_id, array $job ): void {
		if ( ! $job['paid'] || ! preg_match( '/^[A-Za-z0-9_-]{1,64}\z/', $job_id ) ) {
			return;
		}
		$facts = '' === $job['upsampler_id'] ? array() : array(
			'state'        => 'submitted',
			'submission'   => 1,
			'upsampler_id' => $job['upsampler_id'],
		);
		if ( Ledger::open( $job_id, 1, $facts ) ) {
			History::tell( $job_id, 1, 'taken_in', array( 'upsampler_id' => $facts['upsampler_id'] ?? null ) );
		}
	}

	/** Refunds that were cut off wait for a person, not for ever. @return callable[] Effects: the customers are told. */
	private static function end_cut_off_refunds(): array {
		$effects = array();
		$rows = Sql::rows( 'SELECT * FROM ' . Sql::table( 'ledger' ) . " WHERE state = 'refunding' AND updated_at < %s LIMIT 100", array( Sql::utc( time() - Effects::UNKNOWN_AFTER ) ) );
		foreach ( $rows as $row ) {
			$settled = Refund::give_up_unknown( $row );
			$effects = array_merge( $effects, $settled ? Refund::tell_later( $settled ) : array() );
		}
		return $effects;
	}
}
