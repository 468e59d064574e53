<?php
/**
 * One job: where it stands, what can be done, and the history of each attempt.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Admin;

use SmiBridge\Core\Format;
use SmiBridge\Core\Labels\Job_Labels;
use SmiBridge\Core\Sql;
use SmiBridge\Core\States;
use SmiBridge\Files\Stored_Files;
use SmiBridge\Jobs\Downloads;
use SmiBridge\Ledger\Effects;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Collects from ledger, effects, history and shop what `templates/admin/job.php` shows. Reads only: its buttons are links to Job_Actions.
 */
final class Job_Page {

	/** A thumbnail that is larger is none. */
	const REFUSED_BYTES = 200000;

	/** Shows a job. @param string $job_id The shop's id. */
	public static function render( string $job_id ): void {
		$attempts = Ledger::attempts( $job_id );
		$job      = Shop::job( $job_id );
		if ( ! $attempts && ! $job ) {
			echo '<div class="wrap"><h1>' . esc_html__( 'Jobs', 'smi-bridge' ) . '</h1><p>' . esc_html__( 'There is no such job.', 'smi-bridge' ) . '</p></div>';
			return;
		}
		$row       = end( $attempts );
		$row       = $row ? $row : null;
		$effects   = Effects::of_job( $job_id );
		$histories = self::histories( $job_id, $attempts, $effects );
		$facts     = self::facts( $job_id, $row, $job );
		$title     = $job ? (string) Shop::title( $job ) : '';
		include SMI_BRIDGE_DIR . 'templates/admin/job.php';
	}

	/**
	 * The history of each attempt, newest first: attempt => list of {at, event, words, detail, gap}.
	 *
	 * @param string  $job_id   The shop's id.
	 * @param array[] $attempts Ledger rows, oldest first.
	 * @param array[] $effects  Effects of the job.
	 */
	private static function histories( string $job_id, array $attempts, array $effects ): array {
		$histories = array();
		foreach ( $attempts as $row ) {
			$opening                              = ! empty( $row['is_rerun'] ) ? 'rerun' : 'paid';
			$histories[ (int) $row['attempt'] ][] = self::line( $row['created_at'], $opening, array() );
		}
		$recorded = array();
		foreach ( History::of_job( $job_id ) as $event ) {
			$attempt = (int) $event['attempt'];
			if ( 'rerun' === $event['event'] ) {
				$histories[ $attempt ][0] = self::line( $event['at'], 'rerun', $event['detail'] );
				continue;
			}
			$histories[ $attempt ][] = self::line( $event['at'], $event['event'], $event['detail'] );

			$recorded[ $attempt . ' ' . $event['event'] ] = true;
		}
		foreach ( $effects as $effect ) {
			$attempt = (int) $effect['attempt'];
			if ( isset( $recorded[ $attempt . ' ' . $effect['effect'] ] ) ) {
				continue;
			}
			$key                 = 0 === $attempt && $attempts ? (int) end( $attempts )['attempt'] : $attempt;
			$facts               = json_decode( (string) $effect['detail'], true ); // A refund notes facts, a mail plain words.
			$detail              = array( 'outcome' => $effect['outcome'] ?? Job_Labels::outcome( $effect, Effects::is_unknown( $effect ) ) ) + ( is_array( $facts ) ? $facts : array( 'detail' => (string) $effect['detail'] ) );
			$histories[ $key ][] = self::line( $effect['claimed_at'], $effect['effect'], $detail );
		}
		krsort( $histories );
		return array_map( array( self::class, 'in_order' ), $histories );
	}

	/** Lines by time, each with the time since the one before. @param array[] $lines Lines. */
	private static function in_order( array $lines ): array {
		$lines = array_values( $lines );
		usort(
			$lines,
			static function ( $a, $b ) {
				return strcmp( $a['at'], $b['at'] );
			}
		);
		foreach ( $lines as $index => &$line ) {
			$line['gap'] = $index ? max( 0, Sql::unix( $line['at'] ) - Sql::unix( $lines[ $index - 1 ]['at'] ) ) : null;
		}
		return $lines;
	}

	/**
	 * One line of a history.
	 *
	 * @param string $at     UTC, perhaps with milliseconds.
	 * @param string $event  A stable word.
	 * @param array  $detail Facts.
	 */
	private static function line( string $at, string $event, array $detail ): array {
		$shown = array();
		foreach ( $detail as $name => $value ) {
			if ( null === $value || '' === $value || in_array( $name, array( 'state', 'attempt', 'job_id', 'token', 'download_url', 'message' ), true ) ) {
				continue;
			}
			$shown[ (string) $name ] = is_scalar( $value ) ? ( is_bool( $value ) ? ( $value ? __( 'yes', 'smi-bridge' ) : __( 'no', 'smi-bridge' ) ) : (string) $value ) : (string) wp_json_encode( $value );
		}
		$tone = self::tone( $event, $shown );
		if ( isset( $shown['user'] ) ) {
			$user          = get_userdata( (int) $shown['user'] );
			$shown['user'] = $user ? $user->display_name : __( 'not logged in', 'smi-bridge' );
		}
		if ( isset( $shown['width'], $shown['height'] ) ) {
			$shown['width'] = Format::dimensions( $shown['width'], $shown['height'] );
			unset( $shown['height'] );
		}
		foreach ( self::sayings() as $name => $say ) {
			if ( isset( $shown[ $name ] ) ) {
				$shown[ $name ] = $say( $shown[ $name ] );
			}
		}
		return array(
			'at'     => $at,
			'event'  => $event,
			'words'  => Job_Labels::event( $event ),
			'tone'   => $tone,
			'detail' => array_filter( $shown, 'strlen' ),
		);
	}

	/** Facts that have words of their own: name => what says them. */
	private static function sayings(): array {
		return array(
			'reason'     => array( Job_Labels::class, 'reason' ),
			'bytes'      => array( Format::class, 'size' ),
			'format'     => array( Format::class, 'format' ),
			'amount'     => array( Format::class, 'amount' ),
			'expires_at' => array( Format::class, 'moment' ),
			'outcome'    => array( Job_Labels::class, 'ending' ),
			'refund'     => array( Job_Labels::class, 'refund' ),
		);
	}

	/** Colour of a line. @param string $event A stable word. @param array $detail Facts. */
	private static function tone( string $event, array $detail ): string {
		$of_outcome = array(
			'sent'   => 'good',
			'failed' => 'bad',
		);
		return $of_outcome[ $detail['outcome'] ?? '' ] ?? Job_Labels::tone( $event );
	}

	/**
	 * Facts of the newest attempt: label => words.
	 *
	 * @param string     $job_id The shop's id.
	 * @param array|null $row    Ledger row.
	 * @param array|null $job    The shop's job.
	 */
	private static function facts( string $job_id, ?array $row, ?array $job ): array {
		$row  = $row ?? array();
		$mail = (string) ( $job['email'] ?? '' );
		return array_filter(
			array(
				__( 'Job', 'smi-bridge' )           => $job_id,
				__( 'Customer', 'smi-bridge' )      => '' === $mail ? __( 'no address', 'smi-bridge' ) : $mail,
				__( 'Order', 'smi-bridge' )         => implode( ' · ', array_filter( array( Format::factor( $job['factor'] ?? 0 ), Format::amount( $job['amount'] ?? null ) ) ) ),
				__( 'Original', 'smi-bridge' )      => Format::dimensions( $job['width'] ?? 0, $job['height'] ?? 0 ),
				__( 'Paid', 'smi-bridge' )          => Format::moment( empty( $job['paid_at'] ) ? ( $row['created_at'] ?? '' ) : (int) $job['paid_at'] ),
				__( 'The shop says', 'smi-bridge' ) => $job['status'] ?? __( 'deleted in the shop', 'smi-bridge' ),
				__( 'Upsampler’s id', 'smi-bridge' ) => $row['upsampler_id'] ?? '',
				__( 'Credits', 'smi-bridge' )       => isset( $row['credits'] ) ? number_format_i18n( (float) $row['credits'], 2 ) : '',
				__( 'File', 'smi-bridge' )          => implode( ', ', array_filter( array( Format::format( $row['format'] ?? '' ), Format::dimensions( $row['width'] ?? 0, $row['height'] ?? 0 ), Format::size( $row['bytes'] ?? 0 ) ) ) ),
				__( 'Place', 'smi-bridge' )         => isset( $row['path'] ) ? Shop::FOLDER . '/' . $row['path'] : '',
				__( 'First downloaded', 'smi-bridge' ) => $row ? Format::moment( (string) Downloads::first( $job_id ) ) : '',
				__( 'Link ends', 'smi-bridge' )     => isset( $row['revoked_at'] ) ? __( 'revoked', 'smi-bridge' ) : Format::moment( $row['expires_at'] ?? '' ),
				__( 'Deadline', 'smi-bridge' )      => $row && ! States::is_settled( $row['state'] ) ? Format::moment( $row['deadline_at'] ) : '',
			),
			'strlen'
		);
	}

	/**
	 * The thumbnail of a result that was refused, which the sidecar leaves in a folder that is closed to browsers, as a `data:` address;
	 * '' when no result was refused for its looks.
	 *
	 * @param string $job_id  The shop's id.
	 * @param int    $attempt Attempt.
	 */
	public static function refused( string $job_id, int $attempt ): string {
		$file  = Stored_Files::refused_path( $job_id, $attempt );
		$bytes = is_readable( $file ) && filesize( $file ) <= self::REFUSED_BYTES ? (string) file_get_contents( $file ) : ''; // phpcs:ignore WordPress.WP.AlternativeFunctions -- a local file.
		return 0 === strpos( $bytes, "\xFF\xD8\xFF" ) ? 'data:image/jpeg;base64,' . base64_encode( $bytes ) : ''; // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
	}
}
