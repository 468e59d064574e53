"""Other people's plugins in a few lines each: what shops really have beside ours, and what they do to a request."""

from __future__ import annotations

_PAGE = "<!DOCTYPE html><title>%s</title><h1>%s</h1>"


def _page(status: int, words: str, when: str = "true") -> str:
    """A page instead of WordPress, and the end of the request; payments are let through."""
    return (
        f"if ( ! isset( $_GET['pay'] ) && ! isset( $_GET['after'] ) && 'cli' !== PHP_SAPI && {when} ) {{"
        f" http_response_code( {status} ); header( 'Content-Type: text/html' );"
        f" echo '{_PAGE % (words, words)}'; exit; }}"
    )


def _on(hook: str, code: str, priority: int | str = 10) -> str:
    return f"add_action( '{hook}', function ( $value = null ) {{ {code} return $value; }}, {priority} );"


_LOGIN = "if ( ! isset( $_GET['pay'] ) && 'cli' !== PHP_SAPI ) { wp_redirect( wp_login_url() ); exit; }"
_REST = "preg_match( '#wp-json|rest_route#', $_SERVER['REQUEST_URI'] )"
_NO_REST = "return new WP_Error( 'rest_disabled', 'REST is for members.', array( 'status' => 401 ) );"

# One purchase beside each of these is delivered and mailed once, at once.
HARMLESS = {
    "nobody": "",
    "REST for members": _on("rest_authentication_errors", _NO_REST, 1),
    "REST for members, at last": _on("rest_authentication_errors", _NO_REST, "PHP_INT_MAX"),
    "REST is gone": _on("init", "remove_action( 'parse_request', 'rest_api_loaded' );")
    + "add_filter( 'rest_url_prefix', function () { return 'api'; } );",
    "REST ends in parse_request": _on("parse_request", _page(403, "No REST", _REST), "PHP_INT_MIN"),
    "REST ends at the door": _page(403, "No REST", _REST),
    "noise before": 'echo "\\xEF\\xBB\\xBFDeprecated: something\\n";',
    "noise before, sent": 'echo "\\xEF\\xBB\\xBF\\n"; while ( ob_get_level() ) { ob_end_flush(); } flush();',
    "noise after": _on("shutdown", "echo '<!-- cached in 0.1 s -->';", 0),
    "noise in init": _on("init", "echo 'hello';"),
    "output is rewritten": "ob_start( function ( $page ) { return strtoupper( $page ) . '<!-- minified -->'; } );",
    "output is compressed": "ob_start( 'ob_gzhandler' );",
    "output is compressed by PHP": "ini_set( 'zlib.output_compression', '1' );",
    "wall for scripts": _page(
        403, "No bots", "preg_match( '/python|curl|bot|^$/i', $_SERVER['HTTP_USER_AGENT'] ?? '' )"
    ),
    "forced login, init": _on("init", _LOGIN, "PHP_INT_MIN"),
    "forced login, init, usual": _on("init", _LOGIN),
    "forced login, wp_loaded": _on("wp_loaded", _LOGIN, 1),
    "forced login, template": _on("template_redirect", _LOGIN),
    "forced login, theme": _on("after_setup_theme", _LOGIN),
    "coming soon": _on("init", _page(503, "Coming soon"), 0),
    "coming soon, plugins_loaded": _on("plugins_loaded", _page(503, "Coming soon")),
    "coming soon by wp_die": _on("wp_loaded", "isset( $_GET['pay'] ) || 'cli' === PHP_SAPI || wp_die( 'Soon.', 503 );"),
    "listener throws": _on("smi_job_status_changed", "throw new Exception( 'listener' );", 1),
    "listener exits": _on("smi_job_status_changed", "wp_die( 'listener' );", 1),
    "listener prints": _on("smi_job_status_changed", "echo 'hello'; ob_end_flush();", 1),
    "payment listener before ours throws": _on("smi_payment_completed", "throw new Exception( 'early' );", -100),
    "payment listener before ours exits": _on("smi_payment_completed", "exit;", -100),
    "payment listener after ours throws": _on("smi_payment_completed", "throw new Exception( 'late' );", 100),
    "payment listener after ours exits": _on("smi_payment_completed", "wp_die( 'late' );", 100),
    "answer is finished early": _on(
        "init", "'cli' === PHP_SAPI || ! isset( $_GET['pay'] ) || fastcgi_finish_request();"
    ),
    "shutdown is ended": _on("shutdown", "isset( $_GET['pay'] ) && exit;", 1),
    "shutdown throws": _on("shutdown", "if ( isset( $_GET['pay'] ) ) { throw new Exception( 'shutdown' ); }", 1),
    "shutdown is emptied": _on("shutdown", "isset( $_GET['pay'] ) && remove_all_actions( 'shutdown' );", "PHP_INT_MIN"),
    "no HTTP to others": "defined( 'WP_HTTP_BLOCK_EXTERNAL' ) || define( 'WP_HTTP_BLOCK_EXTERNAL', true );"
    "add_filter( 'pre_http_request', function () { return new WP_Error( 'blocked', 'no' ); } );",
    "another locale": "add_filter( 'locale', function () { return 'ar'; } ); setlocale( LC_ALL, 'de_DE.UTF-8', 'C' );",
    "another time zone": "date_default_timezone_set( 'Asia/Kolkata' );"
    "add_filter( 'pre_option_timezone_string', function () { return 'Pacific/Kiritimati'; } );",
    "40 MB": "ini_set( 'memory_limit', '40M' );add_filter( 'admin_memory_limit', function () { return '40M'; } );",
    "home with a language": "add_filter( 'home_url', function ( $url, $path ) {"
    " $home = rtrim( substr( $url, 0, strlen( $url ) - strlen( $path ) ), '/' );"
    " return $home . '/de/' . ltrim( $path, '/' ); }, 10, 2 );",
    "no WP-Cron": "defined( 'DISABLE_WP_CRON' ) || define( 'DISABLE_WP_CRON', true );",
}

# The mail is known to have failed, which the admin sees.
REFUSING_MAILERS = {
    "mailer refuses": "add_filter( 'pre_wp_mail', '__return_false' );",
    "mailer throws": _on("phpmailer_init", "throw new Exception( 'mailer' );"),
    "mailer breaks": _on("phpmailer_init", "no_such_function();"),
}

# Nobody knows whether the mail went: it is not sent again, and the admin sees it.
ENDING_MAILERS = {
    "mailer exits": _on("phpmailer_init", "exit;"),
    "mailer exits by wp_die": _on("wp_mail", "wp_die( 'mailer' );"),
    "mailer eats memory": _on("phpmailer_init", "ini_set( 'memory_limit', '64M' ); str_repeat( 'x', 1 << 28 );"),
}

# Nothing of ours ever runs: a person is told what stands there. What the sidecar finds, and words of its cure.
WALLS = {
    "wall for all": (_page(403, "Access denied"), ("403", "Access denied")),
    "login page": (_page(200, "Log in"), ("200", "Log in")),
    "login redirect": (
        "if ( ! isset( $_GET['pay'] ) && 'cli' !== PHP_SAPI ) {"
        " header( 'Location: /wp-login.php?redirect_to=x', true, 302 ); exit; }",
        ("302", "/wp-login.php"),
    ),
    "challenge": (
        "header( 'Cf-Mitigated: challenge' );" + _page(403, "Just a moment..."),
        ("403", "Just a moment"),
    ),
    "maintenance": (_page(503, "Briefly unavailable"), ("503", "Briefly unavailable")),
}
