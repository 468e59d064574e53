<?php
/**
 * The shop's table `{prefix}smi_jobs`, column by column as real shops have it, and one for the refund stand-in.
 *
 * @package SmiDemoShop
 */

namespace SmiDemoShop;

defined( 'ABSPATH' ) || exit;

/** Name of the table of jobs. */
function jobs_table(): string {
	return $GLOBALS['wpdb']->prefix . 'smi_jobs';
}

/** Name of the table of refunds that were asked for. */
function refunds_table(): string {
	return $GLOBALS['wpdb']->prefix . 'smi_demo_refunds';
}

/** Make both tables, or bring them up to date. */
function create_tables(): void {
	require_once ABSPATH . 'wp-admin/includes/upgrade.php';
	$collate = $GLOBALS['wpdb']->get_charset_collate();
	dbDelta(
		'CREATE TABLE ' . jobs_table() . " (
		id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
		job_id varchar(255) NOT NULL,
		image_url text NOT NULL,
		resolution varchar(10) NOT NULL,
		email varchar(255) NOT NULL,
		post_id bigint(20) unsigned NOT NULL,
		attachment_id bigint(20) unsigned DEFAULT NULL,
		image_width int unsigned DEFAULT NULL,
		image_height int unsigned DEFAULT NULL,
		source_type varchar(20) DEFAULT 'attachment',
		upload_file_path varchar(500) DEFAULT NULL,
		status varchar(20) DEFAULT 'pending',
		payment_status varchar(20) DEFAULT 'pending',
		upsampler_job_id varchar(255) DEFAULT NULL,
		upscaled_url text DEFAULT NULL,
		upscaled_file_path text DEFAULT NULL,
		stripe_payment_intent_id varchar(255) DEFAULT NULL,
		stripe_checkout_session_id varchar(255) DEFAULT NULL,
		amount_charged decimal(10,2) DEFAULT NULL,
		amount_cost decimal(10,2) DEFAULT NULL,
		refund_amount decimal(10,2) DEFAULT NULL,
		credits_used int DEFAULT NULL,
		download_token varchar(64) DEFAULT NULL,
		download_expires_at datetime DEFAULT NULL,
		email_sent tinyint(1) DEFAULT 0,
		paid_at datetime DEFAULT NULL,
		processing_started_at datetime DEFAULT NULL,
		completed_at datetime DEFAULT NULL,
		failed_at datetime DEFAULT NULL,
		refunded_at datetime DEFAULT NULL,
		refund_reason text DEFAULT NULL,
		created_at datetime DEFAULT CURRENT_TIMESTAMP,
		updated_at datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
		PRIMARY KEY  (id),
		UNIQUE KEY job_id (job_id),
		KEY status (status),
		KEY payment_status (payment_status),
		KEY download_token (download_token),
		KEY upsampler_job_id (upsampler_job_id)
		) $collate;"
	);
	dbDelta(
		'CREATE TABLE ' . refunds_table() . " (
		id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
		payment_intent varchar(255) NOT NULL,
		amount decimal(10,2) DEFAULT NULL,
		reason text DEFAULT NULL,
		accepted tinyint(1) NOT NULL,
		created_at datetime DEFAULT CURRENT_TIMESTAMP,
		PRIMARY KEY  (id),
		KEY payment_intent (payment_intent)
		) $collate;"
	);
}
