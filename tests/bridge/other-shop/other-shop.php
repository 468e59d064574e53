<?php
/**
 * Plugin Name: Other Shop
 * Description: A shop that is nothing like Sell My Images: its orders are posts, its words are its own. It answers the bridge's filters.
 * Version: 1.0.0
 *
 * @package OtherShop
 */

defined( 'ABSPATH' ) || exit;

const OTHER_SHOP_WORDS = array(
	'pending'    => 'received',
	'processing' => 'in-the-works',
	'completed'  => 'done',
	'failed'     => 'given-up',
);

add_action(
	'init',
	function () {
		register_post_type( 'picture_order', array( 'label' => 'Picture orders' ) );
	}
);

/** The order's post id, or 0. */
function other_shop_order( $job_id ) {
	return preg_match( '/^order-([0-9]+)$/', $job_id, $found ) && 'picture_order' === get_post_type( (int) $found[1] ) ? (int) $found[1] : 0;
}

/** Our words into ours, with what changed. */
function other_shop_write( $job_id, $status, array $meta ) {
	$order = other_shop_order( $job_id );
	$old   = get_post_meta( $order, 'status', true );
	foreach ( array( 'status' => OTHER_SHOP_WORDS[ $status ] ) + $meta as $key => $value ) {
		update_post_meta( $order, $key, $value );
	}
	return array(
		'old' => $old,
		'new' => OTHER_SHOP_WORDS[ $status ],
	);
}

add_filter(
	'smi_bridge_shop_name',
	function ( $name ) {
		return $name ?? 'Other Shop';
	}
);

add_filter(
	'smi_bridge_read_jobs',
	function ( $jobs, $job_ids ) {
		foreach ( $job_ids as $job_id ) {
			$order = other_shop_order( $job_id );
			if ( $order ) {
				$jobs[ $job_id ] = array(
					'paid'       => 'yes' === get_post_meta( $order, 'paid', true ),
					'status'     => get_post_meta( $order, 'status', true ),
					'email'      => get_post_meta( $order, 'buyer', true ),
					'factor'     => (int) get_post_meta( $order, 'times', true ),
					'source'     => array(
						'type' => 'attachment',
						'url'  => get_post_meta( $order, 'picture', true ),
					),
					'amount'     => 12.5,
					'payment_id' => 'invoice-' . $order,
					'paid_at'    => (int) get_post_time( 'U', true, $order ),
				);
			}
		}
		return $jobs;
	},
	10,
	2
);

add_filter(
	'smi_bridge_paid_jobs',
	function ( $none, $since, $limit ) {
		$open = get_posts(
			array(
				'post_type'      => 'picture_order',
				'post_status'    => 'any',
				'posts_per_page' => $limit,
				'fields'         => 'ids',
				'meta_key'       => 'paid',
				'meta_value'     => 'yes',
			)
		);
		return array_map(
			function ( $id ) {
				return 'order-' . $id;
			},
			$open
		);
	},
	10,
	3
);

add_filter(
	'smi_bridge_title',
	function ( $title, $job ) {
		return get_the_title( other_shop_order( $job['job_id'] ) );
	},
	10,
	2
);

add_filter(
	'smi_bridge_write_progress',
	function ( $no, $job_id, $status ) {
		return other_shop_order( $job_id ) ? other_shop_write( $job_id, $status, array() ) : $no;
	},
	10,
	3
);

add_filter(
	'smi_bridge_write_delivery',
	function ( $no, $job_id, $facts ) {
		return other_shop_order( $job_id ) ? other_shop_write( $job_id, 'completed', array( 'file' => $facts['file'] ) ) : $no;
	},
	10,
	3
);

add_filter(
	'smi_bridge_write_mailed',
	function ( $no, $job_id, $sent ) {
		return other_shop_order( $job_id ) ? (bool) update_post_meta( other_shop_order( $job_id ), 'mailed', $sent ? 'yes' : 'no' ) : $no;
	},
	10,
	3
);

add_filter(
	'smi_bridge_write_refund',
	function ( $no, $job_id, $facts ) {
		return other_shop_order( $job_id ) ? other_shop_write( $job_id, 'failed', array( 'refunded' => $facts['amount'] ) ) : $no;
	},
	10,
	3
);

add_filter(
	'smi_bridge_refund',
	function ( $no, $job ) {
		if ( ! other_shop_order( $job['job_id'] ) ) {
			return $no;
		}
		update_option( 'other_shop_refunds', array_merge( (array) get_option( 'other_shop_refunds', array() ), array( $job['payment_id'] ) ) );
		return array( 'amount' => $job['amount'] );
	},
	10,
	2
);

add_filter(
	'smi_bridge_download_url',
	function ( $no, $job_id, $token ) {
		return other_shop_order( $job_id ) ? home_url( '/get-my-picture/' . $token ) : $no;
	},
	10,
	3
);

/** Somebody buys. */
function other_shop_sell( $picture, $times, $buyer ) {
	$order = wp_insert_post(
		array(
			'post_type'   => 'picture_order',
			'post_status' => 'publish',
			'post_title'  => 'Sunset & sea',
		)
	);
	foreach ( compact( 'picture', 'times', 'buyer' ) + array( 'paid' => 'yes', 'status' => 'received' ) as $key => $value ) {
		update_post_meta( $order, $key, $value );
	}
	return 'order-' . $order;
}
