<?php
/**
 * What a test, a demo or a shell calls. Global names, because they are called from outside.
 *
 * @package SmiDemoShop
 */

defined( 'ABSPATH' ) || exit;

/**
 * Buy an enlargement of a picture from the media library, as the page's form does.
 *
 * @param int    $attachment_id The picture.
 * @param string $resolution    '4x' or '8x'.
 * @param string $email         May be empty.
 * @return string The job's id (UUID v4).
 * @throws InvalidArgumentException When there is no such picture or resolution.
 */
function smi_demo_shop_buy( $attachment_id, $resolution = '4x', $email = '' ) {
	return SmiDemoShop\buy( SmiDemoShop\picture_of_attachment( (int) $attachment_id ), (string) $resolution, (string) $email );
}

/**
 * Buy an enlargement of an uploaded picture.
 *
 * @param string $path       Local path of the picture; a real shop's lies under the uploads folder.
 * @param string $resolution '4x' or '8x'.
 * @param string $email      May be empty.
 * @return string The job's id (UUID v4).
 * @throws InvalidArgumentException When there is no such picture or resolution.
 */
function smi_demo_shop_buy_upload( $path, $resolution = '4x', $email = '' ) {
	return SmiDemoShop\buy( SmiDemoShop\picture_of_upload( (string) $path ), (string) $resolution, (string) $email );
}

/**
 * Write a paid job without telling anybody, as if the payment's event had been lost.
 *
 * @param int    $attachment_id The picture.
 * @param string $resolution    '4x' or '8x'.
 * @param string $email         May be empty.
 * @return string The job's id (UUID v4).
 * @throws InvalidArgumentException When there is no such picture or resolution.
 */
function smi_demo_shop_buy_silently( $attachment_id, $resolution = '4x', $email = '' ) {
	return SmiDemoShop\insert_paid_job( SmiDemoShop\picture_of_attachment( (int) $attachment_id ), (string) $resolution, (string) $email );
}

/**
 * The payment's owner gives the money back in the provider's own dashboard: the event that reaches the shop.
 *
 * @param string $job_id The job.
 */
function smi_demo_shop_refund_outside( $job_id ) {
	$job = SmiDemoShop\find_job( 'job_id', (string) $job_id );
	do_action(
		'stripe_integration_webhook_charge_refunded',
		array(
			'payment_intent' => $job->stripe_payment_intent_id,
			'amount'         => (int) round( 100 * $job->amount_charged ),
			'metadata'       => array(
				'source' => 'sell-my-images',
				'job_id' => $job_id,
			),
		),
		null
	);
}

/**
 * All refunds that the payment stand-in was asked for, oldest first.
 *
 * @return array Rows with id, payment_intent, amount (NULL: the whole), reason, accepted (1: the money went back), created_at.
 */
function smi_demo_shop_refunds() {
	return SmiDemoShop\all_refunds();
}
