"""Core: a job as the sidecar holds it in working memory: one attempt of what one customer paid for."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from typing import Any

from .stored_names import JOB_FIELDS, stored

JOB_ID = "[A-Za-z0-9_-]{1,64}"  # test_catalogues.py compares all that spell it
_JOB_ID = re.compile(JOB_ID)


def is_job_id(text: str) -> bool:
    """Whether `text` has the form of an id. Says nothing about whether there is such a job."""
    return _JOB_ID.fullmatch(text) is not None


@dataclass(frozen=True, init=False)
class Job:
    """The newest attempt of a job. Frozen: changes go through the store, which checks attempt and claim.

    Times are Unix seconds, 0 when unset; strings are "" when unset. Flat and short-valued on purpose: a Redis hash
    stays compact only while its values are under 64 bytes.
    """

    job_id: str
    attempt: int
    state: str
    # what was bought
    factor: int = 0
    source_type: str = "attachment"
    source_url: str = ""  # as the shop's row has it; not yet judged
    source_path: str = ""  # relative to the uploads folder, "" when it lies elsewhere
    width: int = 0  # of the source as displayed, px; from the file itself once it was looked at
    height: int = 0
    source_format: str = ""
    expiry_hours: int = 24
    wanted_format: str = ""  # what the shop's owner wants delivered, "" for what our settings say
    title: str = ""
    rerun: int = 0
    force: int = 0
    previous: str = ""  # JSON of the good file of an earlier attempt
    paid_at: int = 0
    trace: str = ""  # id of the message that brought the job: follows it through all logs as request_id
    # the pipeline
    submission: int = 0  # how often Upsampler was asked, counted by the ledger
    submit_claim: str = ""  # names us to the ledger, so that our own repeated claim is not taken for a rival's
    submit_started_at: int = 0  # Unix seconds of the POST, until its answer: while it stands, the outcome is unknown
    upsampler_id: str = ""
    webhook_upsampler_id: str = ""  # the id that a webhook brought while the answer to the submit was still missing
    credits: str = ""
    submitted_at: int = 0
    polls: int = 0
    result_url: str = ""
    result_until: int = 0  # when the result URL dies
    compress: int = 0  # 1: Upsampler gets a copy of ours; 2: one of half the size, for it found the source too large
    compressed_path: str = ""  # our smaller copy of the source, relative to the work folder
    copy_width: int = 0  # size of that copy, px
    copy_height: int = 0
    submit_factor: int = 0  # the factor asked of Upsampler when the source was scaled down, 0: `factor`
    refund_decision: str = ""  # what the shop was ordered to do about a failure: "yes" (refund) or "review"
    consecutive_failures: int = 0  # failures in a row in this stage
    bad_results: int = 0  # bad results of this submission
    resubmissions: int = 0  # submissions after the first that Upsampler accepted and did not finish
    crash_count: int = 0  # claims that lapsed: the worker died or hung
    reason: str = ""
    detail: str = ""
    stage_since: int = 0
    # the result
    path: str = ""  # relative to uploads/smi-downloads
    bytes: int = 0
    sha256: str = ""
    out_width: int = 0
    out_height: int = 0
    format: str = ""
    token: str = ""
    download_url: str = ""
    expires_at: int = 0
    revoked: int = 0
    downloaded: int = 0  # the newest attempt whose file the customer has got, as far as the shop was told
    # bookkeeping
    claim: str = ""  # names the worker that owns the current step; "" when nobody does
    created_at: int = 0
    updated_at: int = 0

    def __init__(self, job_id: str, attempt: int, state: str, **fields: Any) -> None:
        """`fields`: those named above. (A frozen dataclass's own __init__ takes five times as long for so many, and a
        job is made anew at each step.) Raises TypeError for a name that is none of them."""
        if not fields.keys() <= DEFAULTS.keys():
            raise TypeError(f"a job has no {', '.join(sorted(fields.keys() - DEFAULTS.keys()))}")
        self.__dict__.update(DEFAULTS, **fields, job_id=job_id, attempt=attempt, state=state)

    @property
    def target_size(self) -> tuple[int, int]:
        """Width and height that were paid for, px."""
        return self.width * self.factor, self.height * self.factor

    @property
    def result_size(self) -> tuple[int, int]:
        """Width and height that Upsampler gives back, px: those that were paid for, unless our copy rounds them."""
        if self.copy_width:
            return self.copy_width * self.submit_factor, self.copy_height * self.submit_factor
        return self.target_size

    def to_fields(self) -> dict[str, str]:
        """The fields of a Redis hash: everything that differs from its default, as text."""
        return {_STORED[name]: str(value) for name, value in self.__dict__.items() if value != DEFAULTS[name]}

    @classmethod
    def from_fields(cls, raw: dict[str, str]) -> Job:
        """What `to_fields` wrote; fields that we do not know (yet, or any more) are left out. Raises TypeError where
        there is no id, attempt or state."""
        values = DEFAULTS.copy()
        for field, text in raw.items():
            if field in _TEXTS:
                values[_TEXTS[field]] = text
            elif field in _NUMBERS:
                values[_NUMBERS[field]] = int(text)
        if MISSING in (values["job_id"], values["attempt"], values["state"]):
            raise TypeError("a job has an id, an attempt and a state")
        return _made(values)

    def but(self, **changes: Any) -> Job:
        """The job with these fields changed. (`dataclasses.replace` takes ten times as long for so many.) Raises
        TypeError for a name that is none of them."""
        if not changes.keys() <= DEFAULTS.keys():
            raise TypeError(f"a job has no {', '.join(sorted(changes.keys() - DEFAULTS.keys()))}")
        return _made({**self.__dict__, **changes})


@dataclass(frozen=True)
class NextStep:
    """What becomes of a job that arrives, in the same instant, unless `stage` is held or has a line before it."""

    stage: str
    changes: dict[str, Any]
    message: dict[str, Any]  # to the shop
    due_at: float  # when the scheduler looks next, Unix seconds
    answer: dict[str, Any]  # what is kept of the message that has brought it, and of its answer


_STORED = {f.name: stored(JOB_FIELDS, f.name) for f in fields(Job)}
_TEXTS, _NUMBERS = ({_STORED[f.name]: f.name for f in fields(Job) if f.type == kind} for kind in ("str", "int"))


def _made(values: dict[str, Any]) -> Job:
    job = object.__new__(Job)
    job.__dict__.update(values)
    return job


DEFAULTS = {f.name: f.default for f in fields(Job)}
