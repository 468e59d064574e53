"""Workflow: what to do about a failure. One table, one pure function; docs/failures.md is held to it by a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...core.errors import ConfigurationError, SidecarError, TemporaryError
from ..time_limits import BACKOFF_BASE_S, BACKOFF_CAP_S, LATER_S

MAX_TRIES = 10  # failures in a row: with the backoff below, some 20 to 25 minutes of trying
FAILED_MANUALLY = "failed_by_hand"  # no failure of the pipeline: a person, or other code, has given the job up
MAX_CRASHES = 4  # claims of one stage that lapsed before we stop feeding the job to workers


@dataclass(frozen=True)
class Decision:
    """What happens next.

    action: retry (the same stage after `after_s`) | compress (a smaller copy, then retry) | refetch (download again) |
    resubmit (pay Upsampler once more) | wait (for the webhook) | later (retry until there is room, which counts no
    failure) | hold (the stage, for everybody) | refund | review.
    """

    action: str
    after_s: float = 0.0


@dataclass(frozen=True)
class History:
    """What this attempt has been through, as the job counts it: failures in a row, bad results, second submissions."""

    consecutive_failures: int = 0
    bad_results: int = 0
    resubmissions: int = 0
    compressed: bool = False
    waited: bool = False  # for a lost answer, as long as Upsampler may take


@dataclass(frozen=True)
class Row:
    """A line of the table: the steps are taken in turn, each as often as it says, the last one ends the job."""

    steps: tuple[tuple[str, int], ...]
    customer: str  # phase that the customer sees meanwhile

    @property
    def ending(self) -> str:
        """How the job ends when no other step is left: refund, review or hold; later, when it never does."""
        return self.steps[-1][0]


def _row(text: str, customer: str = "delayed") -> Row:
    """``"refetch 2, resubmit 1, review"``"""
    steps = []
    for part in text.split(", "):
        action, _, times = part.partition(" ")
        steps.append((action, int(times or 1)))
    return Row(tuple(steps), customer)


TABLE: dict[str, Row] = {
    # the source
    "source_unsupported": _row("refund"),
    "source_gone": _row("refund"),
    "source_refused": _row("retry 3, review"),
    "source_not_an_image": _row("refund"),
    "source_too_large": _row("compress 1, review"),
    "source_unreachable_for_upsampler": _row("compress 1, review"),
    "source_url_invalid": _row("review"),
    "source_outside_uploads": _row("review"),
    "resolution_unsupported": _row("review"),
    "fetch_refused_address": _row("review"),
    # Upsampler
    "upsampler_unavailable": _row(f"retry {MAX_TRIES}, review"),
    "upsampler_rate_limited": _row(f"retry {MAX_TRIES}, review"),
    "upsampler_bad_answer": _row(f"retry {MAX_TRIES}, review"),
    "upsampler_silent": _row("review"),
    "upsampler_failed_transient": _row("resubmit 1, refund"),
    "upsampler_failed": _row("refund"),
    "upsampler_unknown_job": _row("retry 3, review"),
    "upsampler_rejected": _row("review"),
    "upsampler_key_refused": _row("hold"),
    "upsampler_credits_exhausted": _row("hold"),
    "upsampler_unreachable": _row("hold"),
    "submit_outcome_unknown": _row("wait, review"),
    # the result
    "result_truncated": _row("refetch 2, resubmit 1, review"),
    "result_corrupt": _row("refetch 2, resubmit 1, review"),
    "result_cut": _row("refetch 3, resubmit 1, review"),
    "result_not_an_image": _row("refetch 2, resubmit 1, review"),
    "result_wrong_dimensions": _row("refetch 1, resubmit 1, review"),
    "result_wrong_format": _row("refetch 1, resubmit 1, review"),
    "result_gone": _row("refetch 2, resubmit 1, review"),
    "result_too_large": _row("review"),
    "result_implausible_size": _row("refetch 1, resubmit 1, review"),
    "result_blank": _row("refetch 1, resubmit 1, review"),
    "result_torn": _row("refetch 1, resubmit 1, review"),
    "result_not_the_picture": _row("refetch 1, resubmit 1, review"),
    "result_wrong_mode": _row("refetch 1, resubmit 1, review"),
    "fetch_slow": _row(f"retry {MAX_TRIES}, review"),
    "fetch_failed": _row(f"retry {MAX_TRIES}, review"),
    "fetch_unavailable": _row(f"retry {MAX_TRIES}, review"),
    "conversion_failed": _row("refetch 1, review"),
    # the way to the shop, where it has no share in our disk
    "upload_failed": _row(f"retry {MAX_TRIES}, review"),
    "uploads_full": _row("later"),
    "shop_unreachable": _row("hold"),
    # our own house
    "disk_full": _row("hold"),
    "folder_not_writable": _row("hold"),
    "path_outside": _row("review"),
    "shop_refused_message": _row("retry 5, review"),
    "crash_loop": _row("review"),
    "internal_error": _row("retry 3, review"),
}


def row_for(failure: SidecarError) -> Row:
    """The table's line; a code that the table does not know is judged by its kind, never silently dropped."""
    if failure.code in TABLE:
        return TABLE[failure.code]
    if isinstance(failure, TemporaryError):
        return _row(f"retry {MAX_TRIES}, review")
    return _row("hold") if isinstance(failure, ConfigurationError) else _row("review")


def decide(failure: SidecarError, history: History, random: Callable[[], float]) -> Decision:
    """What to do about `failure` in an attempt with this `history`. Pure but for `random`, which gives the jitter."""
    for action, times in row_for(failure).steps:
        if action == "retry" and history.consecutive_failures < times:
            return Decision("retry", backoff(history.consecutive_failures, random, failure.retry_after))
        if action == "refetch" and history.bad_results < times:
            return Decision("refetch", backoff(history.bad_results, random, failure.retry_after))
        if action == "resubmit" and history.resubmissions < times:
            return Decision("resubmit")
        if action == "compress" and not history.compressed:
            return Decision("compress")
        if action == "wait" and not history.waited:
            return Decision("wait")
        if action == "later":
            return Decision("later", LATER_S * (0.5 + random()))
        if action in ("hold", "refund", "review"):
            return Decision(action)
    return Decision("review")


def backoff(failures: int, random: Callable[[], float], retry_after: float | None = None) -> float:
    """Seconds before try number `failures` + 2: exponential with full jitter, never sooner than the other side asked.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog: sleep = random(0, min(cap, base * 2^n)).
    Half a second at least, so that a lucky draw does not hammer.
    """
    ceiling: float = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2**failures)
    return max(0.5, ceiling * random(), min(retry_after or 0.0, 3600.0))
