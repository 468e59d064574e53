"""Sandbox: the faults that can be asked for, in one table (docs/sandbox.md holds the same), and when they strike."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

PHASES = ("submit", "processing", "status", "result", "webhook")


@dataclass(frozen=True)
class Fault:
    """`meaning` is one clause for people; `params` are the settable figures with their defaults."""

    meaning: str
    params: dict[str, Any] = field(default_factory=dict)


# A fault's phase is the first word of its name.
FAULTS: dict[str, Fault] = {
    "submit_500": Fault("answers 500 with a JSON error, accepts nothing", {"text": "Internal server error"}),
    "submit_503": Fault(
        "answers 503 with a JSON error, accepts nothing", {"text": "Service unavailable", "wait": None}
    ),
    "submit_429": Fault("answers 429 with Retry-After, accepts nothing", {"text": "Too many requests", "wait": 2}),
    "submit_401": Fault("answers 401, accepts nothing", {"text": "Invalid API key"}),
    "submit_402": Fault("answers 402, accepts nothing", {"text": "Insufficient credits"}),
    "submit_413": Fault("answers 413, accepts nothing", {"text": "Image too large"}),
    "submit_415": Fault("answers 415, accepts nothing", {"text": "Unsupported image format"}),
    "submit_400": Fault("answers 400 with the given text, accepts nothing", {"text": "Invalid input"}),
    "submit_502": Fault("answers 502 with a gateway's HTML page; the job is accepted"),
    "submit_504": Fault("answers 504 with a gateway's HTML page; the job is accepted"),
    "submit_unreadable": Fault("answers 200 with HTML; the job is accepted"),
    "submit_lost": Fault("accepts the job, then ends the connection without an answer"),
    "submit_reset": Fault("ends the connection before anything is accepted"),
    "submit_hang": Fault("accepts the job, answers after the given seconds", {"seconds": 60}),
    "submit_failed": Fault("accepts the job and answers FAILED at once", {"text": "Upscaling failed"}),
    "processing_failed": Fault("the job ends as FAILED with the given text", {"text": "GPU worker lost"}),
    "processing_stuck": Fault("the job never ends"),
    "processing_slow": Fault("the job takes so many seconds longer", {"seconds": 5}),
    "status_500": Fault("a status call is answered 500"),
    "status_429": Fault("a status call is answered 429 with Retry-After", {"wait": 2}),
    "status_404": Fault("a status call says that there is no such job"),
    "status_html": Fault("a status call is answered 200 with HTML"),
    "status_hang": Fault("a status call is answered after the given seconds", {"seconds": 60}),
    "status_drip": Fault("a status call's answer comes at so many bytes a second", {"rate": 1}),
    "status_reset": Fault("a status call's connection ends without an answer"),
    "result_truncated": Fault("half of the file, with a Content-Length to match"),
    "result_cut": Fault("the connection ends in the middle of the file"),
    "result_corrupt": Fault("one byte in the middle of the file is flipped"),
    "result_html": Fault("200 with an HTML page"),
    "result_empty": Fault("200 with no bytes"),
    "result_404": Fault("404"),
    "result_403": Fault("403, as an expired signed URL answers"),
    "result_503": Fault("503 with Retry-After", {"wait": 2}),
    "result_wrong_dimensions": Fault("a sound PNG of half the width and height"),
    "result_wrong_format": Fault("a sound GIF"),
    "result_jpeg": Fault("a sound JPEG instead of a PNG"),
    "result_blank": Fault("a sound PNG of the right size in one colour"),
    "result_other": Fault("a sound PNG of the right size that shows something else"),
    "result_torn": Fault("a sound PNG of the right size whose last quarter is grey"),
    "result_colourless": Fault("a sound PNG of the right size in shades of grey"),
    "result_turned": Fault("a sound PNG of the right size that is upside down"),
    "result_rounded": Fault("a sound PNG that is a pixel narrower and a pixel higher"),
    "result_trailing": Fault("the file with a line break behind its end"),
    "result_bomb": Fault("a small PNG whose header promises so many pixels a side", {"side": 30000}),
    "result_endless": Fault("bytes without end and without a Content-Length"),
    "result_slow": Fault("the file at so many bytes a second", {"rate": 50_000}),
    "webhook_dropped": Fault("no webhook is sent"),
    "webhook_doubled": Fault("the webhook is sent so many times", {"times": 2}),
    "webhook_forged": Fault("a webhook that claims FAILED comes before the true one"),
    "webhook_early": Fault("the webhook comes before the answer to the submit"),
    "webhook_late": Fault("the webhook comes so many seconds late", {"seconds": 5}),
    "webhook_reordered": Fault("a webhook that says IN_PROGRESS comes after the last one"),
    "webhook_documented": Fault("the webhook has the documented shape"),
    "webhook_event": Fault("the webhook is an event: job.completed, job.failed"),
    "webhook_malformed": Fault("the webhook's body is no JSON"),
}


class BadRule(ValueError):
    """A rule that can't be understood; the text says why."""


@dataclass(frozen=True)
class Strike:
    """A fault that hits now, with its figures."""

    name: str
    params: dict[str, Any]


@dataclass(eq=False)
class Rule:
    """When a fault strikes; every condition that is set must hold.

    match: part of the imageUrl · nth: numbers of submits (1 = the first since the start) · probability: 0 to 1, drawn
    from the seed, the imageUrl and the occasion, so that a run can be repeated · sticky: drawn once for each submit
    instead of each occasion · count: strikes in all · per_job: strikes for each job · params: the fault's own figures.
    """

    fault: str
    match: str = ""
    nth: tuple[int, ...] = ()
    probability: float = 1.0
    sticky: bool = False
    count: int | None = None
    per_job: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    strikes: int = 0

    @classmethod
    def parse(cls, raw: object) -> Rule:
        """Reads one rule of `PUT /sandbox/faults`; raises BadRule."""
        if not isinstance(raw, dict):
            raise BadRule("a rule is an object")
        unknown = set(raw) - {"fault", "match", "nth", "probability", "sticky", "count", "per_job", "params"}
        if unknown:
            raise BadRule(f"unknown fields: {', '.join(sorted(unknown))}")
        name = raw.get("fault")
        if name not in FAULTS:
            raise BadRule(f"unknown fault: {name}")
        params = raw.get("params", {})
        if not isinstance(params, dict) or not set(params) <= set(FAULTS[name].params):
            raise BadRule(f"{name} takes the params {sorted(FAULTS[name].params)}")
        nth = raw.get("nth", [])
        numbers = tuple(nth) if isinstance(nth, (list, tuple)) else (nth,)
        if not all(_is_count(number) for number in numbers):
            raise BadRule("nth is the number of a submit, or a list of them")
        if not isinstance(raw.get("match", ""), str):
            raise BadRule("match is a part of the imageUrl")
        chance = raw.get("probability", 1.0)
        if isinstance(chance, bool) or not isinstance(chance, (int, float)) or not 0 <= chance <= 1:
            raise BadRule("probability is 0 to 1")
        if not all(raw.get(key) is None or _is_count(raw[key]) for key in ("count", "per_job")):
            raise BadRule("count and per_job are whole numbers")
        return cls(**{**raw, "nth": numbers, "params": {**FAULTS[name].params, **params}})

    def show(self) -> dict[str, object]:
        """The rule and how often it has struck, as JSON."""
        return {**vars(self), "nth": list(self.nth)}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class FaultBoard:
    """The rules in force. Safe to use by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._per_job: dict[tuple[int, str], int] = {}
        self._seed: object = 0

    def replace(self, rules: Iterable[Rule], seed: object = 0) -> None:
        """Puts these rules in the place of all others; their counts begin at 0."""
        with self._lock:
            self._rules, self._seed, self._per_job = list(rules), seed, {}

    def show(self) -> dict[str, object]:
        """The rules in force with their strikes, as JSON."""
        with self._lock:
            return {"seed": self._seed, "rules": [rule.show() for rule in self._rules]}

    def strikes(self, phase: str, *, image_url: str, number: int, again: int, occasion: int) -> list[Strike]:
        """The faults that hit this occasion, in the order of the rules; each counts as struck.

        `number` is the submit's number, `again` counts the submits of this imageUrl, `occasion` the times that the
        phase came up for the job.
        """
        if not self._rules:
            return []
        hits = []
        with self._lock:
            for index, rule in enumerate(self._rules):
                seat = (index, f"{number}")
                if (
                    not rule.fault.startswith(f"{phase}_")
                    or rule.match not in image_url
                    or (rule.nth and number not in rule.nth)
                    or (rule.count is not None and rule.strikes >= rule.count)
                    or (rule.per_job is not None and self._per_job.get(seat, 0) >= rule.per_job)
                    or not self._drawn(rule, index, f"{image_url}|{again}", occasion)
                ):
                    continue
                rule.strikes += 1
                self._per_job[seat] = self._per_job.get(seat, 0) + 1
                hits.append(Strike(rule.fault, rule.params))
        return hits

    def _drawn(self, rule: Rule, index: int, submit: str, occasion: int) -> bool:
        if rule.probability >= 1:
            return True
        key = f"{self._seed}|{index}|{submit}|{'' if rule.sticky else occasion}"
        return random.Random(key).random() < rule.probability
