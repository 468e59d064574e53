"""A shop in the middle of its life: photos, some hundred jobs of the last month, something that needs a person."""

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.testbed.photos import photo
from tests.ui.conftest import Ui

DETAILS = {
    "upsampler_silent": "Upsampler did not answer for 15 minutes.",
    "result_corrupt": "The checksum of a part is wrong, at byte 4,194,304.",
    "refund_due": "Stripe: the charge has been disputed already.",
    "source_gone": "HTTP 404 for the source.",
    "source_unsupported": "The source is a TIFF.",
    "upsampler_failed": "Upsampler: internal error.",
}
TITLES = ["Harbour at dawn", "Old town roofs", "First snow on the pass", "Lighthouse keeper’s house", "Market day"]


def fill_with_samples(ui: Ui, folder: Path, jobs: int = 240, seed: int = 3) -> dict[str, str]:
    """Fills an empty shop; returns one job's id for each state, under the state's name."""
    chance = random.Random(seed)
    photos = [
        ui.shop.add_photo(photo(folder / f"photo{n}.jpg", 1000, 750, n + 1), title) for n, title in enumerate(TITLES)
    ]
    shown: dict[str, str] = {}
    ages = sorted((30 * 86400 * chance.random() ** 2 for _ in range(jobs)), reverse=True)
    for number, age in enumerate(ages):
        state, reason = _ending(chance, recent=age < 240)
        columns: dict[str, Any] = {"attachment_id": photos[number % len(photos)]}
        columns |= {"email": f"buyer{number}@customer.example"} if number % 9 else {"email": ""}
        columns |= {"resolution": "4x", "amount_charged": 4.8, "image_width": 1000, "image_height": 750}
        columns["status"] = {"delivered": "completed", "refunded": "failed"}.get(state, "processing")
        job = ui.bought(state, reason, **columns)
        _age(ui, job, state, reason, age, chance)
        shown[state] = job
    return shown


def _ending(chance: random.Random, recent: bool) -> tuple[str, str | None]:
    if recent:
        return chance.choice(["submitted", "submitted", "enlarged", "paid"]), None
    dice = chance.random()
    if dice < 0.93:
        return "delivered", None
    if dice < 0.975:
        return "refunded", chance.choice(["source_gone", "source_unsupported", "upsampler_failed"])
    return "review", chance.choice(["upsampler_silent", "result_corrupt", "refund_due"])


def _age(ui: Ui, job: str, state: str, reason: str | None, age: float, chance: random.Random) -> None:
    began = time.time() - age
    took = chance.lognormvariate(3.7, 0.5)
    ended = min(time.time(), began + took)
    credits = round(chance.uniform(2, 12), 2)
    detail = DETAILS.get(reason or "")
    ui.shop.sql(
        "UPDATE wp_smi_bridge_ledger SET created_at = %s, updated_at = %s, deadline_at = %s, credits = %s, detail = %s,"
        " upsampler_id = %s WHERE job_id = %s",
        *(_utc(began), _utc(ended), _utc(began + 1800), credits, detail),
        *(f"ups_{job[:10]}", job),
    )
    ui.shop.sql("UPDATE wp_smi_jobs SET paid_at = %s WHERE job_id = %s", _utc(began - 5 * 3600), job)  # site time
    if state == "delivered":
        ui.shop.sql(
            "UPDATE wp_smi_bridge_ledger SET delivered_at = %s, expires_at = %s, bytes = %s WHERE job_id = %s",
            *(_utc(began + took), _utc(began + 86400), chance.randint(4, 80) * 1_000_000, job),
        )
    if state == "refunded":
        ui.shop.sql(
            "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at, done_at, outcome, detail)"
            " VALUES (%s, 0, 'refund', %s, %s, 'refunded', '{\"amount\":4.8}')",
            *(job, _utc(ended), _utc(ended)),
        )
    for event, share, facts in _history(job, state, reason, credits):
        ui.shop.sql(
            "INSERT INTO wp_smi_bridge_events (job_id, attempt, at, event, detail) VALUES (%s, 1, %s, %s, %s)",
            *(job, _utc(began + share * took, milliseconds=True), event, json.dumps(facts) if facts else None),
        )


def _history(job: str, state: str, reason: str | None, credits: float) -> list[tuple[str, float, dict[str, Any]]]:
    history: list[tuple[str, float, dict[str, Any]]] = [
        ("forwarded", 0.01, {}),
        ("submitting", 0.02, {"submission": 1}),
        ("submitted", 0.05, {"submission": 1, "upsampler_id": f"ups_{job[:10]}", "credits": credits}),
    ]
    if state == "delivered":
        return [
            *history,
            ("enlarged", 0.85, {}),
            ("retry", 0.88, {"reason": "result_truncated", "detail": "The download ended after 4 of 9 MB."}),
            ("stored", 0.97, {"bytes": 12_400_000}),
            ("delivered", 0.99, {"width": 4000, "height": 3000, "format": "jpeg"}),
            ("mail:delivered", 1, {"outcome": "sent"}),
        ]
    if state in ("review", "refunded"):
        refund = "yes" if state == "refunded" or reason == "refund_due" else "review"
        return [
            *(history[:1] if (reason or "").startswith("source_") else history),
            ("failed", 0.9, {"reason": reason, "detail": DETAILS[reason or ""], "refund": refund}),
            (f"mail:{state}", 1, {"outcome": "sent"}),
        ]
    return history


def _utc(unix: float, milliseconds: bool = False) -> str:
    moment = datetime.fromtimestamp(unix, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if milliseconds else moment.strftime("%Y-%m-%d %H:%M:%S")
