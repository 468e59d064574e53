"""A `Whole` under the magnifying glass: what each job cost, what became of it, and whom it was told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from redis import RedisError

from sidecar.adapters.connections import connect
from sidecar.core.settings import Settings
from sidecar.core.stored_names import Keys
from sidecar.core.tokens import TokenMaker
from tests.testbed.customer import Customer
from tests.testbed.mail import Mail
from tests.testbed.photos import photo
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole, webhook_token

# The sidecar's patience, short: what takes a quarter of an hour in a shop takes seconds here.
QUICK = {"SMI_FIRST_POLL_S": "0.5", "SMI_WATCH_LIMIT_S": "6"}

# An attachment as an upload makes it, but without the smaller sizes, which cost time and serve nobody here.
_ADD_PICTURES = """
$ids = array();
foreach ( json_decode( '%s' ) as $name ) {
	$file = wp_upload_dir()['path'] . "/$name.jpg";
	copy( '%s', $file );
	$ids[ $name ] = wp_insert_attachment( array( 'post_title' => $name, 'post_mime_type' => 'image/jpeg' ), $file );
	$facts = array( 'width' => %d, 'height' => %d, 'file' => _wp_relative_upload_path( $file ) );
	wp_update_attachment_metadata( $ids[ $name ], $facts );
}
return $ids;
"""
_BUY_MANY = """
$jobs = array();
foreach ( json_decode( '%s', true ) as $name => $attachment ) {
	$jobs[ $name ] = smi_demo_shop_buy( $attachment, '4x', wp_generate_password( 12, false ) . '@customer.example' );
}
return $jobs;
"""


class Rig:
    """Make one with `Rig.start`; a context manager that stops it all."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.shop, self.sandbox, self.sidecar = whole.shop, whole.sandbox, whole.sidecar
        self.customer = Customer(self.shop, whole.folder / "photos")
        self.settings = Settings.from_env(self.sidecar.env)
        self.keys = Keys(self.settings.site_hash)
        self.redis = connect(self.settings.redis_url, self.settings.data_dir, decode=True)
        self.tokens = TokenMaker(self.settings.signing_keys, self.settings.site_hash)
        self._in_a_hurry: set[str] = set()
        self._ended = threading.Event()
        self._hand: threading.Thread | None = None

    @classmethod
    def start(cls, folder: Path, env: Mapping[str, str] | None = None, **settings: Any) -> Rig:
        """`settings`: as `Whole.start` takes them."""
        settings.setdefault("sandbox", ["--delay", "0.2"])
        return cls(Whole.start(folder, env={**QUICK, **(env or {})}, **settings))

    def stop(self) -> None:
        self._ended.set()
        if self._hand is not None:
            self._hand.join(30)
        self.redis.close()
        self.whole.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- buying

    def buy(self, name: str, width: int = 96, height: int = 72, resolution: str = "4x") -> str:
        """Buy a picture of its own, so that faults can be aimed at it by `"match": name`. The job's id."""
        return self.customer.buy(self.picture(name, width, height), resolution)

    def picture(self, name: str, width: int = 96, height: int = 72) -> int:
        """A picture of the media library whose address holds `name`."""
        return self.pictures([name], width, height)[name]

    def pictures(self, names: Iterable[str], width: int = 96, height: int = 72) -> dict[str, int]:
        """Many pictures at once, all of the same photo: name -> attachment."""
        original = self.whole.folder / f"{width}x{height}.jpg"
        if not original.exists():
            photo(original, width, height, seed=3)
        return self.shop.php_json(_ADD_PICTURES % (json.dumps(list(names)), original, width, height))

    def buy_many(self, attachments: Mapping[str, int]) -> dict[str, str]:
        """Buy a picture each, in one request: name -> job id."""
        return self.shop.php_json(_BUY_MANY % json.dumps(dict(attachments)))

    # --- what became of it

    def ledger(self, job_id: str) -> dict[str, Any]:
        """The newest attempt's row."""
        return self.customer.attempts(job_id)[-1]

    def settled(self, job_id: str, timeout: float = 30) -> dict[str, Any]:
        """Wait for the ending, and for the mail that follows it; the ledger's row."""
        self.customer.settled(job_id, attempt=self.ledger(job_id)["attempt"], timeout=timeout)
        wait_for(lambda: self._mailed(job_id), f"the mails of job {job_id} are sent", 15)
        return self.ledger(job_id)

    def _mailed(self, job_id: str) -> bool:
        """A mail is claimed after the commit that ends the job, and marked in the shop's row at last."""
        outcomes = self.mails(job_id).values()
        return None not in outcomes and (bool(outcomes) or self.ledger(job_id)["state"] != "delivered")

    def bill(self, job_id: str) -> list[dict[str, Any]]:
        """The submits of this job that Upsampler accepted, oldest first; the webhook's token names the job."""
        return [entry for entry in self.sandbox.bill() if self.billed_job(entry)[0] == job_id]

    def billed_job(self, entry: Mapping[str, Any]) -> tuple[str, int, int]:
        """(job, attempt, submission) of an entry of the bill."""
        return self.tokens.read_webhook(webhook_token(str(entry["webhook"])))

    def effects(self, job_id: str) -> dict[str, str | None]:
        """Effect -> outcome (None: claimed, not finished), over all attempts."""
        rows = self.shop.sql("SELECT effect, outcome FROM wp_smi_bridge_effects WHERE job_id = %s", job_id)
        return {row["effect"]: row["outcome"] for row in rows}

    def mails(self, job_id: str) -> dict[str, str | None]:
        """Kind of mail to the customer -> outcome."""
        return {name[5:]: outcome for name, outcome in self.effects(job_id).items() if name.startswith("mail:")}

    def inbox(self, job_id: str) -> list[Mail]:
        """What the job's customer has got."""
        return self.shop.mails(self.customer.row(job_id)["email"])

    def history(self, job_id: str) -> list[tuple[str, dict[str, Any]]]:
        """(event, detail) in the order in which they were told."""
        rows = self.shop.sql("SELECT event, detail FROM wp_smi_bridge_events WHERE job_id = %s ORDER BY id", job_id)
        return [(row["event"], json.loads(row["detail"] or "{}")) for row in rows]

    def reasons(self, job_id: str) -> set[str]:
        """All codes of failures that the ledger heard of."""
        return {detail["reason"] for _, detail in self.history(job_id) if detail.get("reason")}

    def refunds(self, job_id: str) -> list[dict[str, Any]]:
        """The calls that the payment provider got for this job's payment."""
        return self.shop.sql(
            "SELECT r.* FROM wp_smi_demo_refunds r JOIN wp_smi_jobs j ON j.stripe_payment_intent_id = r.payment_intent "
            "WHERE j.job_id = %s ORDER BY r.id",
            job_id,
        )

    def file(self, job_id: str) -> Path:
        """The delivered file."""
        return self.shop.uploads / "smi-downloads" / self.ledger(job_id)["path"]

    def leftovers(self) -> list[Path]:
        """Temp files in the downloads folder."""
        return list((self.shop.uploads / "smi-downloads" / ".incoming").glob("*"))

    # --- working memory

    def memory(self, job_id: str) -> dict[str, str]:
        """The job's hash in Redis."""
        return self.redis.hgetall(self.keys.job(job_id))

    def until_memory(self, job_id: str, field: str, *values: str, timeout: float = 20) -> dict[str, str]:
        """Wait until a field of the hash has one of these values."""
        return wait_for(
            lambda: (row := self.memory(job_id)).get(field, "") in values and row,
            f"{field} of job {job_id} is {' or '.join(values)}",
            timeout,
            every=0.01,
        )

    def held(self) -> dict[str, str]:
        """Held stage -> reason."""
        return {stage: json.loads(text)["reason"] for stage, text in self.redis.hgetall(self.keys.held).items()}

    # --- time

    def hurry(self, *job_ids: str) -> None:
        """From now on these jobs wait for nothing: whatever they are booked for comes due at once. Their time flies;
        nothing that they do is changed."""
        self._in_a_hurry.update(job_ids)
        if self._hand is None:
            self._hand = threading.Thread(target=self._push_the_hand, daemon=True)
            self._hand.start()

    def _push_the_hand(self) -> None:
        redis = connect(self.settings.redis_url, self.settings.data_dir, decode=True)
        try:
            while not self._ended.wait(0.25):
                job_ids = [
                    job_id for job_id, due in redis.zrange(self.keys.due, 0, -1, withscores=True) if due > time.time()
                ]
                job_ids = [job_id for job_id in job_ids if job_id in self._in_a_hurry]
                with redis.pipeline(transaction=False) as pipe:
                    for job_id in job_ids:
                        pipe.hget(self.keys.job(job_id), "claim")
                    idle = {
                        job_id: time.time() for job_id, claim in zip(job_ids, pipe.execute(), strict=True) if not claim
                    }
                if idle:
                    redis.zadd(self.keys.due, idle, xx=True, lt=True)
                    redis.delete(self.keys.probe("submit"), self.keys.probe("collect"))
        finally:
            redis.close()

    @contextmanager
    def minutes_fly(self) -> Iterator[None]:
        """Inside, the minute between two reconciliations is a second. That it is a minute,
        tests/workflow/test_clock_process.py shows."""
        over = threading.Event()

        def fly() -> None:
            redis = connect(self.settings.redis_url, self.settings.data_dir, decode=True)
            try:
                while not over.wait(0.5):
                    with suppress(RedisError):  # away, as some tests want it
                        redis.delete(self.keys.interval("reconcile"))
            finally:
                redis.close()

        hand = threading.Thread(target=fly, daemon=True)
        hand.start()
        try:
            yield
        finally:
            over.set()
            hand.join(10)

    # --- the fault mix

    def faults(self, *rules: Mapping[str, Any], seed: int = 0) -> None:
        """The sandbox's faults from now on; none: all is well."""
        body = {"rules": list(rules), "seed": seed}
        requests.put(f"{self.sandbox.url}/sandbox/faults", json=body, timeout=10).raise_for_status()


def one_ending(rig: Rig, job_id: str) -> str:
    """The job's ending, with everything that belongs to it and nothing that does not. Fails when two of ledger, the
    shop's row, effects, mails and refunds disagree. A mail belongs to each ending, and is claimed after its commit."""
    wait_for(lambda: rig.mails(job_id) and None not in rig.mails(job_id).values(), f"a mail of job {job_id} is sent")
    row, effects, shop_row = rig.ledger(job_id), rig.effects(job_id), rig.customer.row(job_id)
    state = row["state"]
    refunds = [call for call in rig.refunds(job_id) if call["accepted"]]
    mails = list(rig.mails(job_id))
    assert set(rig.mails(job_id).values()) <= {"sent"}, effects
    assert len(rig.inbox(job_id)) == len(mails)
    if state == "delivered":
        assert (shop_row["status"], mails.count("delivered"), len(refunds)) == ("completed", 1, 0)
        assert rig.file(job_id).stat().st_size == row["bytes"]
    elif state == "refunded":
        assert (shop_row["status"], shop_row["payment_status"], len(refunds)) == ("failed", "refunded", 1)
        assert (effects["refund"], mails) == ("refunded", ["refunded"])
        assert shop_row["refunded_at"] is not None and shop_row["refund_reason"]
    else:
        assert state == "review", state
        assert (shop_row["status"], mails, len(refunds)) == ("processing", ["review"], 0)
    return state


def names(paths: Iterable[Path]) -> list[str]:
    return sorted(path.name for path in paths)
