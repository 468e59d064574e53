<?php
/**
 * Messages that reach the customer: job.delivered, job.message.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Messages;

use SmiBridge\Core\Outcome;
use SmiBridge\Core\Sql;
use SmiBridge\Ledger\Attempt;
use SmiBridge\Ledger\History;
use SmiBridge\Ledger\Ledger;
use SmiBridge\Mail\Customer_Mail;
use SmiBridge\Shop\Shop;

defined( 'ABSPATH' ) || exit;

/**
 * Handlers: checked data in, outcome out (docs/contract.md, part 3), within the transaction of the delivery. They mail nothing themselves:
 * mails are part of the outcome.
 */
final class Delivery_Messages {

	/**
	 * The file is checked and stored: ledger, the shop's row, mail.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function delivered( array $data, array $row ): Outcome {
		if ( 'delivered' === $row['state'] ) {
			// Said before. The mail was sent, too, or at least begun, unless the request ended before it came to that.
			return null === $row['revoked_at'] ? Outcome::done( array(), array(), array( Customer_Mail::once( $row, 'mail:delivered' ) ) ) : Outcome::done( array( 'mail' => 'already' ) );
		}
		$end = Attempt::end( $row );
		if ( $end ) {
			return $end;
		}
		$moved = Ledger::move( $row, 'delivered', self::columns( $row, $data ) );
		if ( ! $moved ) {
			return Attempt::no_step( $row );
		}
		History::record( $row['job_id'], (int) $row['attempt'], 'delivered', array_intersect_key( $data, array_flip( array( 'path', 'bytes', 'width', 'height', 'format', 'expires_at' ) ) ) );
		$facts  = Shop::delivery_facts( $moved );
		$change = Shop::write_delivery( $row['job_id'], $facts );
		unset( $facts['shop_token'] );
		Shop::announce( $row['job_id'], $change, $facts );
		return Outcome::done( array(), array(), array( Customer_Mail::once( $moved, 'mail:delivered' ) ) );
	}

	/**
	 * A mail in the caller's words, once for each key.
	 *
	 * @param array $data See schema.
	 * @param array $row  The attempt, locked.
	 */
	public static function message( array $data, array $row ): Outcome {
		History::record( $row['job_id'], (int) $row['attempt'], 'message', array( 'key' => $data['key'] ) );
		return Outcome::done( array(), array(), array( Customer_Mail::once( $row, 'mail:message:' . $data['key'], array( 'customer_message' => $data['customer_message'] ) ) ) );
	}

	/**
	 * The ledger's columns of a delivery.
	 *
	 * @param array $row  Ledger row.
	 * @param array $data Message.
	 */
	private static function columns( array $row, array $data ): array {
		return array_intersect_key( $data, array_flip( array( 'path', 'bytes', 'sha256', 'width', 'height', 'format', 'token', 'download_url' ) ) ) + array(
			'credits'      => $data['credits'] ?? ( null === $row['credits'] ? null : (float) $row['credits'] ),
			'upsampler_id' => $data['upsampler_id'] ?? $row['upsampler_id'],
			'expires_at'   => Sql::from_rfc3339( $data['expires_at'] ),
			'delivered_at' => Sql::utc( time() ),
			'event'        => 'delivered',
			'reason'       => null,
			'detail'       => null,
			'next_try_at'  => null,
		);
	}
}
