"""Core: the one exception tree. Adapters raise these; only the web error handler, the stage runner and the CLI catch.

Four kinds decide what may be done about a failure; the `code` says which failure it was, is stable, and is
what `workflow/recovery/table.py` looks up, what the ledger stores and what the log line carries.
"""

from __future__ import annotations


class SidecarError(Exception):
    """Base of all our errors.

    Attributes:
        code: stable snake_case name of the failure, e.g. ``"upsampler_unavailable"``.
        detail: one sentence for the admin; never holds a secret, a token or an e-mail address.
        retry_after: seconds that the other side asked us to wait, or None.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after: float | None = None):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class CallerError(SidecarError):
    """The caller's fault (bad message, bad token): answered with 4xx, never retried."""


class TemporaryError(SidecarError):
    """May work later by itself (network, 5xx, 429, disk full): retried, honouring `retry_after`."""


class PartRefused(TemporaryError):
    """A server does not go on with what an earlier try has of a file: all of it is fetched next time."""


class PermanentError(SidecarError):
    """Will not work however often it is tried (source gone, result corrupt): the recovery table decides."""


class ConfigurationError(SidecarError):
    """Ours to fix (key refused, credits used up, folder not writable): hold everything and tell the admin."""


class UnknownOutcome(SidecarError):
    """A request was sent and its answer lost: the effect may or may not have happened. Never repeated blindly."""


class StaleClaim(SidecarError):
    """Another worker owns this stage now: the one who sees this writes nothing and stops quietly."""

    def __init__(self, job_id: str):
        super().__init__("stale_claim", f"job {job_id} has passed to another claim")


class GivenUp(Exception):
    """A transfer that goes on alone is to end: its process does, or a faster one needs its place."""


class Crowded(Exception):
    """Too many transfers go on alone in this process: the job comes again later, which is no failure of its own.
    `slow`: it is known for that."""

    def __init__(self, *, slow: bool = False):
        super().__init__()
        self.slow = slow


class NotAccepted(SidecarError):
    """Upsampler has answered, and the answer was no: this submission is over, the next one needs a new claim."""

    def __init__(self, cause: SidecarError):
        super().__init__(cause.code, cause.detail, retry_after=cause.retry_after)
        self.cause = cause
