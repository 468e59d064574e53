"""What the bridge does to the shop's own code, and that it undoes it."""

import pytest
import requests

from tests.bridge.conftest import Bridge

# The shop's handler as the real plugin has it: made on `init`, on an instance that nobody keeps.
HANDLER = """
namespace SellMyImages\\Services;
class UpscalingService {
    public function __construct() {
        add_action( 'smi_payment_completed', array( $this, 'handle_payment_completed' ), 10, 2 );
        \\SellMyImages\\Managers\\WebhookManager::register_webhook( 'upsampler', array( $this, 'handle_webhook' ) );
    }
    public function handle_payment_completed( $job_id, $context = array() ) {
        update_option( 'shop_handled', $job_id );
    }
    public function handle_webhook() { update_option( 'shop_webhook', 'called' ); exit; }
}
namespace SellMyImages\\Managers;
class WebhookManager {
    public static $handlers = array();
    public static function register_webhook( $service, $handler ) { self::$handlers[ $service ] = $handler; }
}
\\add_action( 'init', function () { %s } );
\\add_action( 'init', function () {
    if ( empty( $_GET['handler_status'] ) ) { return; }
    \\add_action( 'wp_loaded', function () {
        if ( ! empty( $_GET['pay'] ) ) { do_action( 'smi_payment_completed', $_GET['pay'] ); }
        wp_send_json( array(
            'status'  => class_exists( 'SmiBridge\\Shop\\Compat' ) ? \\SmiBridge\\Shop\\Compat::handler_status() : null,
            'webhook' => \\SellMyImages\\Managers\\WebhookManager::$handlers['upsampler'][0] ?? null,
        ) );
    }, PHP_INT_MAX );
}, 20 );
"""
# A hook that keeps what it has, whoever asks.
STUBBORN = """
$GLOBALS['wp_filter']['smi_payment_completed'] = new class( $GLOBALS['wp_filter']['smi_payment_completed'] ) {
    public $callbacks;
    private $hook;
    public function __construct( $hook ) { $this->hook = $hook; $this->callbacks = &$hook->callbacks; }
    public function remove_filter() { return false; }
    public function __call( $method, $arguments ) { return $this->hook->$method( ...$arguments ); }
};
"""
INSTANCE = "new \\SellMyImages\\Services\\UpscalingService();"


@pytest.fixture
def shop_code(bridge: Bridge):
    """Install the shop's handler as `init` makes it; returns what pays a job and tells who took it."""
    removers = []

    def install(init: str):
        removers.append(bridge.mu_plugin("shop-code", HANDLER % init))

        def pay(job_id: str) -> dict:
            bridge.option("shop_handled", "")
            answer = requests.get(bridge.shop.url, params={"handler_status": "1", "pay": job_id}, timeout=30).json()
            return answer | {"shop_took": bridge.shop.option("shop_handled")}

        return pay

    yield install
    for remove in removers:
        remove()


@pytest.mark.parametrize(
    "init",
    [
        INSTANCE,
        f"add_action('init', function () {{ {INSTANCE} }}, 9999);",
        "$theirs = [new class extends \\SellMyImages\\Services\\UpscalingService {}, 'handle_payment_completed'];"
        "add_action('smi_payment_completed', $theirs, 3);",
        f"{INSTANCE} {INSTANCE}",
    ],
    ids=["instance", "late", "subclass", "twice"],
)
def test_the_shops_own_handler_does_not_run_while_we_are_connected(bridge: Bridge, shop_code, init: str) -> None:
    pay = shop_code(init)
    job_id = bridge.job()
    answer = pay(job_id)
    assert (answer["status"], answer["shop_took"]) == ("detached", "")
    assert bridge.sidecar.wait("job.paid")[0].data["job_id"] == job_id


def test_a_handler_that_came_at_the_last_moment_is_found_as_well(bridge: Bridge, shop_code) -> None:
    pay = shop_code(f"add_action('smi_payment_completed', function () {{ {INSTANCE} }}, -5);")
    answer = pay(bridge.job())
    assert answer["shop_took"] == ""
    bridge.sidecar.wait("job.paid")


def test_the_shops_own_handler_runs_without_settings(bridge: Bridge, shop_code) -> None:
    pay = shop_code(INSTANCE)
    bridge.option("smi_bridge_sidecar_url", "")
    try:
        job_id = bridge.job()
        answer = pay(job_id)
        assert (answer["status"], answer["shop_took"]) == ("free", job_id)
        assert answer["webhook"] != "SmiBridge\\Wire\\Webhook_Relay"
        assert bridge.ledger(job_id) == []
    finally:
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)


def test_the_shops_own_handler_is_back_when_the_bridge_is_deactivated(bridge: Bridge, shop_code) -> None:
    pay = shop_code(INSTANCE)
    bridge.shop.deactivate("smi-bridge")
    try:
        job_id = bridge.job()
        assert pay(job_id)["shop_took"] == job_id
    finally:
        bridge.shop.activate("smi-bridge")


def test_a_handler_that_cannot_be_removed_stops_the_forwarding(bridge: Bridge, shop_code) -> None:
    """Fail closed: better one handler than two bills."""
    pay = shop_code(f"{INSTANCE} {STUBBORN}")
    job_id = bridge.job()
    answer = pay(job_id)
    assert (answer["status"], answer["shop_took"]) == ("attached", job_id)
    assert bridge.ledger(job_id) == []
    assert bridge.sidecar.received == []
    assert "event=payment_not_taken" in bridge.shop.debug_log


def test_a_paused_copy_neither_forwards_nor_lets_the_shop_call_upsampler(bridge: Bridge, shop_code) -> None:
    pay = shop_code(INSTANCE)
    bridge.shop.php("update_option('smi_bridge_site_lock', ['https://live.sh', 'op.example']);")
    try:
        job_id = bridge.job()
        assert pay(job_id)["shop_took"] == ""
        assert bridge.ledger(job_id) == []
        assert bridge.shop.php_json("return SmiBridge\\Core\\Settings::is_paused();") is True
        with pytest.raises(AssertionError, match="401"):
            bridge.door.send("status", {})
    finally:
        bridge.shop.php("SmiBridge\\Core\\Staging_Lock::lock();")


def test_the_shops_webhook_is_taken_over(bridge: Bridge, shop_code) -> None:
    assert shop_code(INSTANCE)(bridge.job())["webhook"] == "SmiBridge\\Shop\\Compat"


def test_site_time_is_utc_while_the_shop_cleans_up(bridge: Bridge) -> None:
    """The shop compares `download_expires_at`, which is UTC, with site time: ahead of it, files would go too early."""
    zones = bridge.shop.php_json(
        """
        $seen = [];
        $look = function () use (&$seen) { $seen[] = wp_timezone_string(); };
        add_action('smi_daily_cleanup', $look, 1);
        add_action('smi_daily_cleanup', $look, 10);
        add_action('smi_daily_cleanup', $look, 99);
        do_action('smi_daily_cleanup');
        return $seen;
        """
    )
    assert zones == ["America/New_York", "UTC", "America/New_York"]


# ------------------------------------------------------------------------------------------------ the webhook's address


def post(bridge: Bridge, query: str, body: bytes = b'{"id": "u", "status": "SUCCESS"}') -> requests.Response:
    return requests.post(f"{bridge.shop.url}/smi-webhook/upsampler/{query}", data=body, timeout=30)


def test_a_webhook_at_the_shops_address_is_handed_on_as_it_is(bridge: Bridge) -> None:
    body = b'{"id": "u-1",   "status": "SUCCESS"}'
    assert post(bridge, "?token=abc.DEF-1_2", body).status_code == 202
    assert bridge.sidecar.webhooks == [("abc.DEF-1_2", body)]


@pytest.mark.parametrize("query", ["", "?token=", "?token=a%2F..%2Fmessages", "?token[]=a", "?token=" + "x" * 513])
def test_a_webhook_without_a_usable_token_goes_nowhere(bridge: Bridge, query: str) -> None:
    assert post(bridge, query).status_code == 404
    assert bridge.sidecar.webhooks == []


def test_a_huge_webhook_goes_nowhere(bridge: Bridge) -> None:
    assert post(bridge, "?token=t", b"x" * 70000).status_code == 413
    assert bridge.sidecar.webhooks == []


def test_a_webhook_must_be_posted(bridge: Bridge) -> None:
    assert requests.get(f"{bridge.shop.url}/smi-webhook/upsampler/?token=t", timeout=30).status_code == 405


def test_a_forged_webhook_does_nothing_by_itself(bridge: Bridge) -> None:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=1, upsampler_id="known-id")
    before = bridge.ledger(job_id), bridge.row(job_id)
    post(bridge, "", b'{"id": "known-id", "status": "FAILED"}')
    post(bridge, "?token=guess", b'{"id": "known-id", "status": "FAILED"}')
    assert (bridge.ledger(job_id), bridge.row(job_id)) == before


def test_a_webhook_for_a_dead_sidecar_may_come_again(bridge: Bridge) -> None:
    bridge.shop.php("update_option('smi_bridge_sidecar_url', 'http://127.0.0.1:9');")
    try:
        assert post(bridge, "?token=t").status_code == 503
    finally:
        bridge.shop.php(
            f"update_option('smi_bridge_sidecar_url', '{bridge.sidecar.url}'); update_option('smi_bridge_circuit', []);"
        )


def test_without_settings_the_address_is_not_ours(bridge: Bridge) -> None:
    bridge.option("smi_bridge_sidecar_url", "")
    try:
        assert post(bridge, "?token=t").status_code == 404
    finally:
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
