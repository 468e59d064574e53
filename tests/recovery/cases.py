"""What is done to a job, and how it must end: one line for each way into a row of the recovery table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.recovery.rig import Rig


def fault(name: str, *, times: int | None = None, **params: object) -> dict[str, Any]:
    """A rule of the sandbox, not yet aimed: `times` strikes, or always."""
    return {"fault": name, "params": params, **({"count": times} if times else {})}


Buy = Callable[[Rig, str, int], str]
"""(rig, the case's name, its picture) -> job id"""


@dataclass(frozen=True)
class Case:
    """One job.

    code: the row of the table that it goes through. ending: of the ledger. submits: how many Upsampler accepted, and
    billed. rules: faults, aimed at this job. buy: how it is bought, when not as a picture without a flaw.
    """

    code: str
    ending: str
    submits: int
    rules: tuple[dict[str, Any], ...] = ()
    buy: Buy | None = field(default=None, compare=False)

    def aimed(self, name: str) -> list[dict[str, Any]]:
        return [{**rule, "match": f"/{name}."} for rule in self.rules]


# ---------------------------------------------------------------------- sources that are not what they were
def overwritten(content: bytes | None) -> Buy:
    """The picture's file holds something else by the time it is bought; None: it is gone."""

    def buy(rig: Rig, name: str, picture: int) -> str:
        path = next(rig.shop.uploads.glob(f"*/*/{name}.jpg"))
        path.unlink() if content is None else path.write_bytes(content)
        return rig.customer.buy(picture)

    return buy


def with_row(**columns: object) -> Buy:
    return lambda rig, name, picture: rig.customer.buy_altered(**columns)


def uploaded_outside(rig: Rig, name: str, picture: int) -> str:
    outside = rig.whole.folder / f"{name}.jpg"
    outside.write_bytes(next(rig.shop.uploads.glob("*/*/plain.jpg")).read_bytes())
    return rig.customer.buy_upload(outside)


_GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00"
_GIF += b"\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
_POLICY = "The content violates our policy"

SOURCES = {
    "source-gif": Case("source_unsupported", "refunded", 0, buy=overwritten(_GIF)),
    "source-415": Case("source_unsupported", "refunded", 0, (fault("submit_415"),)),
    "source-vanished": Case("source_gone", "refunded", 0, buy=overwritten(None)),
    "source-text": Case("source_not_an_image", "refunded", 0, buy=overwritten(b"Not found\n" * 50)),
    "source-empty": Case("source_not_an_image", "refunded", 0, buy=overwritten(b"")),
    "source-ftp": Case("source_url_invalid", "review", 0, buy=with_row(image_url="ftp://shop.example/a.jpg")),
    "source-outside": Case("source_outside_uploads", "review", 0, buy=uploaded_outside),
    "source-metadata": Case(
        "fetch_refused_address", "review", 0, buy=with_row(image_url="http://169.254.169.254/latest/a.jpg")
    ),
    "source-99x": Case("resolution_unsupported", "review", 0, buy=with_row(resolution="99x")),
}

# Upsampler gets a smaller copy from us instead (these faults do not strike it: its address is another).
COPIES = {
    "submit-413": Case("source_too_large", "delivered", 1, (fault("submit_413"),)),
    "failed-too-large": Case("source_too_large", "delivered", 2, (fault("processing_failed", text="Image too large"),)),
    "submit-unreachable": Case(
        "source_unreachable_for_upsampler", "delivered", 1, (fault("submit_400", text="Could not fetch the image"),)
    ),
}

SUBMITS = {
    "submit-500-twice": Case("upsampler_unavailable", "delivered", 1, (fault("submit_500", times=2),)),
    "submit-500": Case("upsampler_unavailable", "review", 0, (fault("submit_500"),)),
    "submit-503": Case("upsampler_unavailable", "delivered", 1, (fault("submit_503", times=1, wait=1),)),
    "submit-429-twice": Case("upsampler_rate_limited", "delivered", 1, (fault("submit_429", times=2, wait=1),)),
    "submit-429": Case("upsampler_rate_limited", "review", 0, (fault("submit_429"),)),
    "submit-400": Case("upsampler_rejected", "review", 0, (fault("submit_400", text="Invalid mode"),)),
    "submit-failed": Case("upsampler_failed_transient", "refunded", 2, (fault("submit_failed"),)),
    "failed-once": Case("upsampler_failed_transient", "delivered", 2, (fault("processing_failed", times=1),)),
    "failed-twice": Case("upsampler_failed_transient", "refunded", 2, (fault("processing_failed"),)),
    "failed-for-good": Case("upsampler_failed", "refunded", 1, (fault("processing_failed", text=_POLICY),)),
    "silent": Case("upsampler_silent", "review", 1, (fault("processing_stuck"),)),
    "status-500-twice": Case("upsampler_unavailable", "delivered", 1, (fault("status_500", times=2),)),
    "status-429": Case("upsampler_rate_limited", "delivered", 1, (fault("status_429", times=1, wait=1),)),
    "status-reset": Case("upsampler_unavailable", "delivered", 1, (fault("status_reset", times=2),)),
    "status-html-twice": Case("upsampler_bad_answer", "delivered", 1, (fault("status_html", times=2),)),
    "status-html": Case("upsampler_bad_answer", "review", 1, (fault("status_html"),)),
    "status-404": Case("upsampler_unknown_job", "review", 1, (fault("status_404"),)),
    "status-404-once": Case("upsampler_unknown_job", "delivered", 1, (fault("status_404", times=1),)),
}

# The answer to the submit is lost, the job may exist: a webhook brings its id, or a person looks.
_NO_WEBHOOK = fault("webhook_dropped")
LOST_ANSWERS = {
    f"{name.replace('_', '-')}{'' if webhook else '-no-webhook'}": Case(
        "submit_outcome_unknown",
        "delivered" if webhook else "review",
        1,
        (fault(name),) if webhook else (fault(name), _NO_WEBHOOK),
    )
    for name in ("submit_lost", "submit_502", "submit_504", "submit_unreadable")
    for webhook in (True, False)
}
LOST_ANSWERS["submit-reset"] = Case("submit_outcome_unknown", "review", 0, (fault("submit_reset"),))
LOST_ANSWERS["submit-lost-forged"] = Case(
    "submit_outcome_unknown", "delivered", 1, (fault("submit_lost"), fault("webhook_forged"))
)
LOST_ANSWERS["submit-lost-doubled"] = Case(
    "submit_outcome_unknown", "delivered", 1, (fault("submit_lost"), fault("webhook_doubled", times=5))
)

_BAD = {  # fault of the result -> row of the table
    "result_truncated": "result_truncated",
    "result_corrupt": "result_corrupt",
    "result_cut": "result_cut",
    "result_html": "result_not_an_image",
    "result_empty": "result_not_an_image",
    "result_404": "result_gone",
    "result_403": "result_gone",
    "result_wrong_dimensions": "result_wrong_dimensions",
    "result_wrong_format": "result_wrong_format",
    "result_bomb": "result_wrong_dimensions",
    "result_blank": "result_blank",
    "result_other": "result_not_the_picture",
    "result_turned": "result_not_the_picture",
    "result_torn": "result_torn",
    "result_colourless": "result_wrong_mode",
}
_SIDE = {"result_bomb": {"side": 6000}}  # pixels; makes it quickly, and is as wrong as a larger one


def _spoiled(times: int | None, ending: str, submits: int) -> dict[str, Case]:
    """A case for each way in which a result can be bad."""
    return {
        f"{name.replace('_', '-')}{'-once' if times == 1 else ''}": Case(
            code, ending, submits, (fault(name, times=times, **_SIDE.get(name, {})),)
        )
        for name, code in _BAD.items()
    }


RESULTS = {
    **_spoiled(1, "delivered", 1),
    **_spoiled(None, "review", 2),
    "result-503-twice": Case("fetch_unavailable", "delivered", 1, (fault("result_503", times=2, wait=1),)),
    "result-503": Case("fetch_unavailable", "review", 1, (fault("result_503"),)),
    "result-endless": Case("result_corrupt", "review", 2, (fault("result_endless"),)),
    "result-bad-then-good-submit": Case("result_corrupt", "delivered", 2, (fault("result_corrupt", times=3),)),
}

# What is strange and no failure at all.
UNHARMED = {
    "plain": Case("", "delivered", 1),
    "result-rounded": Case("", "delivered", 1, (fault("result_rounded"),)),
    "result-trailing": Case("", "delivered", 1, (fault("result_trailing"),)),
    "result-jpeg": Case("", "delivered", 1, (fault("result_jpeg"),)),
    "result-slow": Case("", "delivered", 1, (fault("result_slow", rate=100_000),)),
    "processing-slow": Case("", "delivered", 1, (fault("processing_slow", seconds=2),)),
    "webhook-dropped": Case("", "delivered", 1, (fault("webhook_dropped"),)),
    "webhook-doubled": Case("", "delivered", 1, (fault("webhook_doubled", times=4),)),
    "webhook-forged": Case("", "delivered", 1, (fault("webhook_forged"),)),
    "webhook-early": Case("", "delivered", 1, (fault("webhook_early"),)),
    "webhook-late": Case("", "delivered", 1, (fault("webhook_late", seconds=2),)),
    "webhook-reordered": Case("", "delivered", 1, (fault("webhook_reordered"),)),
    "webhook-documented": Case("", "delivered", 1, (fault("webhook_documented"),)),
    "webhook-event": Case("", "delivered", 1, (fault("webhook_event"),)),
    "webhook-malformed": Case("", "delivered", 1, (fault("webhook_malformed"),)),
}

CASES: dict[str, Case] = {**UNHARMED, **SOURCES, **COPIES, **SUBMITS, **LOST_ANSWERS, **RESULTS}
