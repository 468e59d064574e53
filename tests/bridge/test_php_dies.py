"""PHP is killed before each statement of a delivery in turn: nothing is lost, nothing happens twice, nothing hides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.rest_files import RestFiles
from sidecar.core.errors import TemporaryError
from tests.bridge.conftest import Bridge, delivery
from tests.bridge.test_delivery_messages import address
from tests.bridge.test_mailbox import act, done, messages
from tests.bridge.test_refund import failed, refunds
from tests.bridge.uploads import Door, at_upsampler, made, some

NEWEST_ONLY = True  # nothing here depends on the version of WordPress
MOST_STATEMENTS = 60

# Counts from the transaction's beginning, in the request of the sidecar's messages only; SIGKILL, so nothing cleans up.
_KILLER = """
    add_filter('query', function ($query) {
        static $count = 0;
        $at = (int) @file_get_contents(__DIR__ . '/kill-at');
        $ours = false !== strpos($_SERVER['REQUEST_URI'] ?? '', 'smi-bridge/v1/messages');
        if ($ours && $at && ($count || 'START TRANSACTION' === $query) && ++$count === $at) {
            touch(__DIR__ . '/killed');
            posix_kill(getmypid(), 9);
        }
        return $query;
    });
"""


@pytest.fixture
def kill_at(bridge: Bridge) -> Iterator[Callable[[int], None]]:
    """Before which statement the next deliveries die; 0: none does."""
    remove = bridge.mu_plugin("killer", _KILLER)
    order = bridge.shop.root / "wp-content" / "mu-plugins" / "kill-at"

    def kill(number: int) -> None:
        order.write_text(str(number))

    kill(0)
    yield kill
    order.unlink()
    remove()


def deaths(
    bridge: Bridge, kill_at: Callable[[int], None], message: Callable[[str], tuple[str, dict[str, Any]]]
) -> Iterator[tuple[int, str, str, bytes]]:
    """(statement, job, its customer, the sealed delivery) for each death; ends when a delivery comes through alive."""
    mark = bridge.shop.root / "wp-content" / "mu-plugins" / "killed"
    for number in range(1, MOST_STATEMENTS):
        job_id = bridge.paid(email=(email := address()))
        type, data = message(job_id)
        sealed = bridge.door.seal(bridge.door.envelope([{"id": "m", "type": type, "data": data}]))
        kill_at(number)
        answer = bridge.door.post(*sealed)
        kill_at(0)
        if not mark.exists():
            assert answer.status_code == 200
            return
        mark.unlink()
        assert answer.status_code != 200
        yield number, job_id, email, sealed
    raise AssertionError(f"more than {MOST_STATEMENTS} statements")


def test_a_delivery_is_delivered_and_mailed_once_wherever_php_dies(
    bridge: Bridge, kill_at: Callable[[int], None]
) -> None:
    points = cut_off = 0
    for number, job_id, email, sealed in deaths(bridge, kill_at, lambda job_id: ("job.delivered", delivery(job_id))):
        points += 1
        for _ in range(2):
            assert bridge.door.post(*sealed).json()["results"][0]["status"] == "done", number
        assert bridge.state(job_id) == "delivered", number
        assert bridge.row(job_id)["status"] == "completed", number
        mail = bridge.effects(job_id)["mail:delivered"]
        if mail["done_at"] is None:
            cut_off += 1  # a person sees it, and may send it again
            assert len(bridge.shop.mails(email)) <= 1, number
        else:
            assert (mail["outcome"], len(bridge.shop.mails(email))) == ("sent", 1), number
    assert points > 8 and cut_off < points


def test_a_refund_is_made_once_or_known_to_be_due_wherever_php_dies(
    bridge: Bridge, kill_at: Callable[[int], None]
) -> None:
    endings = []
    for number, job_id, email, sealed in deaths(bridge, kill_at, failed):
        result = bridge.door.post(*sealed).json()["results"][0]
        if result["reason"] == "refund_under_way":  # five minutes later it is known that nobody comes back to it
            bridge.shop.sql(
                "UPDATE wp_smi_bridge_effects SET claimed_at = claimed_at - INTERVAL 6 MINUTE WHERE job_id = %s", job_id
            )
            result = bridge.door.post(*sealed).json()["results"][0]
        assert result["status"] == "done", (number, result)
        calls, state, shop = refunds(bridge, job_id), bridge.state(job_id), bridge.row(job_id)
        assert len(calls) <= 1, number
        assert len(bridge.shop.mails(email)) <= 1, number
        if state == "refunded":
            assert len(calls) == 1 and shop["payment_status"] == "refunded" and shop["refunded_at"], number
        else:
            assert (state, bridge.ledger(job_id)[0]["reason"]) == ("review", "refund_due"), number
            assert bridge.effects(job_id)["refund"]["done_at"] is None, number
        mail = bridge.effects(job_id)[f"mail:{state}"]
        assert mail["done_at"] is None or len(bridge.shop.mails(email)) == 1, f"{number}: nobody was told, nobody knows"
        endings.append(state)
    assert len(endings) > 10 and set(endings) == {"refunded", "review"}


@pytest.fixture
def nobody_reaches_the_sidecar(bridge: Bridge) -> Iterator[None]:
    bridge.option("smi_bridge_sidecar_url", "none")
    bridge.shop.sql("DELETE FROM wp_smi_bridge_mailbox")
    yield
    bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)


def test_a_renewed_link_is_mailed_once_wherever_php_dies(
    bridge: Bridge, kill_at: Callable[[int], None], nobody_reaches_the_sidecar: None
) -> None:
    """The sidecar that got no answer brings its acknowledgement again."""

    def renewed(job_id: str) -> tuple[str, dict[str, Any]]:
        bridge.door.send("job.delivered", delivery(job_id))
        bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET expires_at = '2020-01-01' WHERE job_id = '{job_id}'")
        assert act(bridge, "resend", job_id)["code"] == "under_way"
        [renew] = [message for message in messages(bridge) if message["type"] == "job.renew"]
        answer = {"token": f"new-{job_id}", "download_url": None, "expires_at": "2030-01-01T00:00:00Z"}
        brought[job_id] = {"sidecar": "pull-1", "done": [done(renew, **answer)]}
        return "mailbox.collect", brought[job_id]

    brought: dict[str, dict[str, Any]] = {}
    points = cut_off = 0
    for number, job_id, email, _ in deaths(bridge, kill_at, renewed):
        points += 1
        for _ in range(2):
            assert bridge.door.send("mailbox.collect", brought[job_id])["status"] == "done", number
        [row] = bridge.ledger(job_id)
        assert (row["token"], str(row["expires_at"])) == (f"new-{job_id}", "2030-01-01 00:00:00"), number
        mails = len(bridge.shop.mails(email))  # the one about the delivery, and this one
        effect = bridge.effects(job_id)["mail:renewed:20300101000000"]
        if effect["done_at"] is None:
            cut_off += 1  # a person sees it, and may send it again
            assert effect["outcome"] is None and mails <= 2, number
        else:
            assert (effect["outcome"], mails) == ("sent", 2), number
    assert points > 8 and 0 < cut_off < points


def test_a_mail_that_nobody_came_back_for_is_sent_with_the_scheduled_ones(
    bridge: Bridge, nobody_reaches_the_sidecar: None
) -> None:
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email=(email := address()))))
    bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET expires_at = '2030-01-01' WHERE job_id = '{job_id}'")
    bridge.shop.php(f"SmiBridge\\Jobs\\Renewal::owe_mail('{job_id}', 1, '2030-01-01T00:00:00Z');")
    before = len(bridge.shop.mails(email))
    for _ in range(2):
        bridge.shop.php("do_action('smi_bridge_follow_up');")
    assert len(bridge.shop.mails(email)) == before + 1
    assert bridge.effects(job_id)["mail:renewed:20300101000000"]["outcome"] == "sent"


def test_a_mail_that_is_owed_goes_out_with_the_link_that_has_taken_the_place_of_its_own(
    bridge: Bridge, nobody_reaches_the_sidecar: None
) -> None:
    """Nobody has asked for a mail the second time."""
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email=(email := address()))))
    before = len(bridge.shop.mails(email))
    bridge.shop.php(f"SmiBridge\\Jobs\\Renewal::owe_mail('{job_id}', 1, '2029-01-01');")
    assert act(bridge, "renew", job_id)["code"] == "under_way"
    renew = messages(bridge)[-1]
    messages(bridge, done(renew, token="new", download_url=None, expires_at="2030-01-01T00:00:00Z"))
    assert len(bridge.shop.mails(email)) == before + 1
    effects = bridge.effects(job_id)
    assert effects["mail:renewed:20290101"]["outcome"] == "overtaken"
    assert effects["mail:renewed:20300101000000"]["outcome"] == "sent"


def test_a_mail_that_is_owed_is_not_sent_for_a_link_that_was_ended(
    bridge: Bridge, nobody_reaches_the_sidecar: None
) -> None:
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email=(email := address()))))
    bridge.shop.php(f"SmiBridge\\Jobs\\Renewal::owe_mail('{job_id}', 1, '2030-01-01T00:00:00Z');")
    assert bridge.door.send("job.stop", {"job_id": job_id})["status"] == "done"
    before = len(bridge.shop.mails(email))
    bridge.shop.php("do_action('smi_bridge_follow_up');")
    assert len(bridge.shop.mails(email)) == before
    assert bridge.effects(job_id)["mail:renewed:20300101000000"]["outcome"] == "overtaken"


def test_a_link_is_mailed_once_though_it_is_owed_twice_or_sent_by_hand(
    bridge: Bridge, nobody_reaches_the_sidecar: None
) -> None:
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email=(email := address()))))
    bridge.shop.sql(f"UPDATE wp_smi_bridge_ledger SET expires_at = '2030-01-01' WHERE job_id = '{job_id}'")
    before = len(bridge.shop.mails(email))
    for end in ("2029-12-31T00:00:00Z", "2030-01-01T00:00:00Z"):
        bridge.shop.php(f"SmiBridge\\Jobs\\Renewal::owe_mail('{job_id}', 1, '{end}');")
    assert act(bridge, "resend", job_id)["ok"] is True
    bridge.shop.php("do_action('smi_bridge_follow_up');")
    assert len(bridge.shop.mails(email)) == before + 1
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_effects SET outcome = 'due', done_at = NULL WHERE effect LIKE 'mail:renewed:%'"
    )
    bridge.shop.php("do_action('smi_bridge_follow_up');")
    assert len(bridge.shop.mails(email)) == before + 2, "the newest link only"


def test_a_renewed_links_mail_settles_a_first_one_that_was_never_begun(
    bridge: Bridge, nobody_reaches_the_sidecar: None
) -> None:
    bridge.door.send("job.delivered", delivery(job_id := bridge.paid(email=(email := address()))))
    bridge.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET expires_at = '2030-01-01', updated_at = UTC_TIMESTAMP() - INTERVAL 2 HOUR"
        f" WHERE job_id = '{job_id}'"
    )
    bridge.shop.sql(f"DELETE FROM wp_smi_bridge_effects WHERE job_id = '{job_id}'")
    before = len(bridge.shop.mails(email))
    bridge.shop.php(f"SmiBridge\\Jobs\\Renewal::owe_mail('{job_id}', 1, '2030-01-01T00:00:00Z');")
    bridge.shop.php("do_action('smi_bridge_follow_up');")
    assert len(bridge.shop.mails(email)) == before + 1


def test_an_upload_ends_well_wherever_php_dies_as_it_closes(
    bridge: Bridge, kill_at: Callable[[int], None], files: RestFiles, door: Door, downloads: Path
) -> None:
    """Before it has the digest, between that and the name, between the name and the answer."""
    mark = bridge.shop.root / "wp-content" / "mu-plugins" / "killed"
    named: list[bool] = []
    for number in range(1, MOST_STATEMENTS):
        job_id, data = at_upsampler(bridge), some(0.1)
        path, name, digest = made(files, job_id, data)
        file = {"job_id": job_id, "attempt": 1, "name": name, "bytes": len(data), "sha256": digest}
        files._upload(path, file)
        kill_at(number)
        with suppress(TemporaryError):
            door.send([{"id": "close", "type": "file.close", "data": file}])
        kill_at(0)
        if not mark.exists():
            break
        mark.unlink()
        named.append((downloads / name).exists())
        sent = len(door.chunks)
        files.publish(path, name, attempt=1, sha256=digest)
        assert (downloads / name).read_bytes() == data, number
        assert (len(door.chunks), list((downloads / ".incoming").glob(f"{job_id}*"))) == (sent, []), number
    assert set(named) == {False, True} and named == sorted(named) and number < MOST_STATEMENTS - 1
