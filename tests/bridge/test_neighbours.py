"""Other people's code beside ours: one WordPress, a must-use plugin a case, one purchase each."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.adapters.shop import ShopDoor
from sidecar.core.errors import SidecarError
from sidecar.core.messages import TO_SHOP, Signer
from tests.bridge.conftest import SECRET, Bridge, delivery
from tests.bridge.neighbours import ENDING_MAILERS, HARMLESS, REFUSING_MAILERS, WALLS
from tests.bridge.sidecar_stand_in import rfc3339
from tests.bridge.test_delivery_messages import address
from tests.testbed.waiting import wait_for

NEWEST_ONLY = True  # nothing here depends on the version of WordPress
PROMPT_S = 5  # far less than the pull's minute

# A payment inside a visitor's request.
_PAY = """
add_action('wp_loaded', function () {
    if (isset($_GET['pay'])) { do_action('smi_payment_completed', $_GET['pay'], []); echo 'paid'; exit; }
}, PHP_INT_MIN);
"""


@pytest.fixture(scope="module")
def door(shared_bridge: Bridge) -> Iterator[ShopDoor]:
    """The sidecar's own way to the shop, as it remembers it from case to case."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    door = ShopDoor(Signer(key, direction=TO_SHOP, site=shared_bridge.shop.url), shop_url=shared_bridge.shop.url)
    yield door
    door.close()


@pytest.fixture
def beside(shared_bridge: Bridge) -> Iterator[Callable[[str], Bridge]]:
    """The shop beside a neighbour: a must-use plugin of a new name, since PHP keeps compiled files for a while."""
    shared_bridge.sidecar.forget()
    shared_bridge.shop.sql("DELETE FROM wp_options WHERE option_name = 'smi_bridge_circuit'")
    removers = [shared_bridge.mu_plugin("pay", _PAY)]

    def install(code: str) -> Bridge:
        removers.append(shared_bridge.mu_plugin(f"neighbour-{time.time_ns()}", code))
        return shared_bridge

    yield install
    for remove in removers:
        remove()


def pay(bridge: Bridge, email: str) -> str:
    job_id = bridge.job(email=email)
    requests.get(bridge.shop.url, params={"pay": job_id}, timeout=30, allow_redirects=False)
    message = bridge.sidecar.wait("job.paid", timeout=PROMPT_S)[-1]
    assert message.data["job_id"] == job_id
    return job_id


def messages(job_id: str) -> list[tuple[str, dict[str, Any]]]:
    """What the sidecar says of a job that goes well."""
    about = {"job_id": job_id, "attempt": 1, "submission": 1}
    submitted = {"upsampler_id": "ups-1", "credits": 3, "submitted_at": rfc3339(time.time())}
    return [
        ("job.submitting", about | {"claim": "claim-1"}),
        ("job.submitted", about | submitted),
        ("job.delivered", delivery(job_id)),
    ]


def result_of(door: ShopDoor, type: str, data: dict[str, Any]) -> dict[str, Any]:
    (result,) = door.send([{"id": "m", "type": type, "data": data}])
    return result


def delivered(bridge: Bridge, door: ShopDoor, job_id: str) -> None:
    for type, data in messages(job_id):
        result = result_of(door, type, data)
        assert result["status"] == "done", (type, result)
    assert bridge.state(job_id) == "delivered"
    assert bridge.row(job_id)["status"] == "completed"


@pytest.mark.parametrize("name", HARMLESS)
def test_a_purchase_is_delivered_and_mailed_once_beside(
    name: str, beside: Callable[[str], Bridge], door: ShopDoor
) -> None:
    bridge = beside(HARMLESS[name])
    job_id = pay(bridge, email := address())
    delivered(bridge, door, job_id)
    assert result_of(door, "job.delivered", delivery(job_id))["data"] == {"mail": "already"}
    assert [mail.to for mail in bridge.shop.mails(email)] == [(email,)]
    assert bridge.effects(job_id)["mail:delivered"]["outcome"] == "sent"
    assert len([m for m in bridge.sidecar.received if m.type == "job.paid"]) == 1


@pytest.mark.parametrize("name", REFUSING_MAILERS)
def test_a_mail_that_the_mailer_did_not_take_is_known_to_have_failed(
    name: str, beside: Callable[[str], Bridge], door: ShopDoor
) -> None:
    bridge = beside(REFUSING_MAILERS[name])
    delivered(bridge, door, job_id := pay(bridge, address()))
    assert bridge.effects(job_id)["mail:delivered"]["outcome"] == "failed"


@pytest.mark.parametrize("name", ENDING_MAILERS)
def test_a_mailer_that_ends_the_request_costs_its_own_mail_only(
    name: str, beside: Callable[[str], Bridge], door: ShopDoor
) -> None:
    """Others of the same delivery are told to come again, and have their mails when the mailer is well."""
    emails = [address() for _ in range(4)]
    bridge = beside("")
    jobs = [bridge.paid(email=email) for email in emails]
    deliveries = [{"id": f"m{n}", "type": "job.delivered", "data": delivery(job)} for n, job in enumerate(jobs)]
    only_second = f"if ( false === strpos( print_r( func_get_args(), true ), '{emails[1]}' ) ) {{ return $value; }} "
    beside(ENDING_MAILERS[name].replace("{ ", "{ " + only_second, 1))
    results = door.send(deliveries)
    assert [bridge.state(job) for job in jobs] == ["delivered"] * 4
    assert results[0]["data"] == {"mail": "sent"}
    assert (results[1]["status"], results[1]["data"]) == ("done", {"mail": "unknown"})
    assert [result["status"] for result in results[2:]] == ["failed", "failed"]
    results = door.send(deliveries)
    assert [result["data"]["mail"] for result in results] == ["already", "already", "sent", "sent"]
    assert [len(bridge.shop.mails(email)) for email in emails] == [1, 0, 1, 1]
    assert bridge.effects(jobs[1])["mail:delivered"]["done_at"] is None, (
        "a person sees it when some minutes have passed"
    )


def test_a_listener_that_hangs_keeps_nobody_waiting(
    beside: Callable[[str], Bridge], door: ShopDoor, tmp_path: Path
) -> None:
    """It hears when the books are written, the mail is sent and the sidecar has its answer."""
    hears, goes_on = tmp_path / "hears", tmp_path / "goes-on"
    tmp_path.chmod(0o777)
    bridge = beside(
        "add_action( 'smi_job_status_changed', function ( $id, $old, $new ) { if ( 'completed' === $new ) {"
        f" touch( '{hears}' );"
        f" for ( $n = 0; $n < 2000 && ! file_exists( '{goes_on}' ); $n++ ) {{ usleep( 10000 ); clearstatcache(); }}"
        " } }, 1, 3 );"
    )
    job_id = bridge.paid(email=(email := address()))
    try:
        assert result_of(door, "job.delivered", delivery(job_id))["data"] == {"mail": "sent"}
        wait_for(hears.exists, "the listener hears")
        assert (bridge.state(job_id), len(bridge.shop.mails(email))) == ("delivered", 1)
        assert not goes_on.exists(), "and it still hangs"
    finally:
        goes_on.touch()


# The first mail takes 21 seconds, by the clock that the bridge looks at.
_SLOW_MAILER = """
eval( 'namespace SmiBridge\\\\Messages; function hrtime( $whole ) { return \\\\hrtime( true ) + $GLOBALS["slept"]; }' );
$GLOBALS['slept'] = 0;
add_action( 'phpmailer_init', function () { $GLOBALS['slept'] += 21000000000; } );
"""


def test_a_slow_mailer_costs_its_own_mail_and_the_others_come_with_the_next_delivery(
    beside: Callable[[str], Bridge], door: ShopDoor
) -> None:
    emails = [address() for _ in range(3)]
    bridge = beside(_SLOW_MAILER)
    jobs = [bridge.paid(email=email) for email in emails]
    deliveries = [{"id": f"m{n}", "type": "job.delivered", "data": delivery(job)} for n, job in enumerate(jobs)]
    for sent in (1, 2, 3):
        results = door.send(deliveries)
        assert [bridge.state(job) for job in jobs] == ["delivered"] * 3, "the files are there at once"
        assert [len(bridge.shop.mails(email)) for email in emails] == [1] * sent + [0] * (3 - sent)
        assert [result.get("reason") for result in results] == [None] * sent + ["mail_later"] * (3 - sent)


@pytest.mark.parametrize("says", [b"", b"2"], ids=["nothing", "a byte"])
def test_a_mail_server_that_hangs_ends_in_time(says: bytes, beside: Callable[[str], Bridge], door: ShopDoor) -> None:
    """PHPMailer itself would wait for five minutes, and the sidecar for 90 s. (The shop's own limit is lower here, so
    that nobody waits: ours is the lower of both.)"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def hang() -> None:
            with suppress(OSError):
                while True:  # ends: its listener is closed
                    held.append(server.accept()[0])  # ends: its listener is closed
                    held[-1].sendall(says)

        threading.Thread(target=hang, daemon=True).start()
        port = server.getsockname()[1]
        bridge = beside(
            "add_action( 'phpmailer_init', function ( $mailer ) { $mailer->isSMTP(); $mailer->Host = '127.0.0.1';"
            f" $mailer->Port = {port}; $mailer->Timeout = 1; $mailer->SMTPAutoTLS = false; }}, 20 );"
        )
        job_id = bridge.paid(email=address())
        assert result_of(door, "job.delivered", delivery(job_id))["data"] == {"mail": "failed"}
        assert bridge.state(job_id) == "delivered" and held
        for link in held:
            link.close()


@pytest.mark.parametrize("name", WALLS)
def test_a_wall_before_wordpress_is_named_to_a_person(
    name: str, beside: Callable[[str], Bridge], door: ShopDoor
) -> None:
    """By doctor, who reads the same error; on the admin's pages by what the sidecar's status says of it."""
    code, words = WALLS[name]
    bridge = beside(code)
    with pytest.raises(SidecarError) as caught:
        door.send([{"id": "m", "type": "status", "data": {}}])
    assert caught.value.code == "shop_walled"
    assert all(word in caught.value.detail for word in words)
    usual = dict(bridge.sidecar.status)
    away = {"error": "shop_walled", "detail": caught.value.detail, "since": rfc3339(time.time() - 60)}
    door_found = {"ok": False, "ms": 3, "error": "shop_walled", "detail": caught.value.detail}
    bridge.sidecar.status |= {"workers": 1, "scheduler": True, "shop_away": away, "shop_door": door_found}
    try:
        problems, doors = bridge.shop.php_json(
            "SmiBridge\\Wire\\Sidecar_Report::inspect(0);"
            "return [SmiBridge\\Health\\Problems::all(), SmiBridge\\Health\\Site_Health::test_doors()];"
        )
    finally:
        bridge.sidecar.status = usual
        bridge.shop.php("delete_option('smi_bridge_sidecar_health');")
    (wall,) = [problem for problem in problems if problem["kind"] == "wall"]
    assert wall["level"] == "bad" and all(word in wall["text"] for word in words)
    assert doors["status"] == "critical" and words[0] in doors["description"]
