<?php
/**
 * Installs WordPress without a browser: install.php <site URL> <user> <password> <e-mail>, in the site's root.
 * Site time is not UTC: what confuses the two is found out.
 */

[ , $url, $user, $password, $email ] = $argv;
$_SERVER['HTTP_HOST']       = parse_url( $url, PHP_URL_HOST ) . ':' . parse_url( $url, PHP_URL_PORT );
$_SERVER['REQUEST_URI']     = '/';
$_SERVER['REQUEST_METHOD']  = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';

define( 'WP_INSTALLING', true );
define( 'WP_SITEURL', $url );
require getcwd() . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

/** The mail about the new site, which nobody waits for. */
function wp_new_blog_notification() {}

wp_install( 'Testbed', $user, $email, true, '', $password );
update_option( 'home', $url );
update_option( 'siteurl', $url );
update_option( 'timezone_string', 'America/New_York' );
update_option( 'admin_email_lifespan', time() + 10 * YEAR_IN_SECONDS );
update_option( 'show_avatars', 0 ); // They come from gravatar.com.
$wp_rewrite->set_permalink_structure( '/%postname%/' );
flush_rewrite_rules( false );
if ( ! get_option( 'siteurl' ) ) {
	fwrite( STDERR, 'WordPress did not install' );
	exit( 1 );
}
