"""Adapter, pure part: what an HTTP status or an error text of Upsampler means, as one of our errors. Opens nothing.

Two tables: `TEXTS` reads the words of an error, `http_error` the status line. Upsampler publishes no list of
error codes, so the words are all there is; words that are not listed count as a failure that stays one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sidecar.adapters.fetch.retry_after import retry_after
from sidecar.core.errors import ConfigurationError, PermanentError, SidecarError, TemporaryError, UnknownOutcome

MAX_DETAIL = 300  # characters


@dataclass(frozen=True)
class Verdict:
    """What an error text says. `transient`: the same submit may succeed if it is made again."""

    code: str
    transient: bool


# First match wins. The order matters: "could not fetch image: timed out" is about the source's address, not about
# a busy machine, and "image too large to fit in memory" is about size, not about a GPU that ran out of memory.
_THING = r"(image|imageurl|input|source|url|file|picture|media)"
_CANNOT = r"(could ?n.?t|can ?n.?t|unable to|fail(ed|ure) to|error|not|never) (be )?"
_NOT_KNOWN = r"(unsupported|unknown|invalid|unrecogni[sz]ed|not supported|bad)"
_LIMITED = r"(size|dimension|pixel|megapixel|resolution|limit)"
TEXTS: tuple[tuple[Verdict, tuple[str, ...]], ...] = (
    (
        Verdict("upsampler_credits_exhausted", transient=True),
        (r"(insufficient|not enough|no( more)?|out of|lack of) (available |remaining )?(credit|balance|funds)",),
    ),
    (
        Verdict("source_unreachable_for_upsampler", transient=False),
        (
            _CANNOT + rf"(fetch|download|load|retriev|access|reach|open|get)\w* (the |your |an? )?(\w+ )?{_THING}",
            rf"{_THING}( url)? (could ?n.?t|can ?n.?t|can ?not) be (fetch|download|load|retriev|access|reach|open)",
            rf"{_THING} ?url.{{0,40}}(not (be )?(reach|access|found|valid)|unreachable|invalid|40[34])",
            rf"invalid {_THING} ?url",
            rf"(fetch|download)(ing)? (of )?(the )?{_THING}.{{0,20}}(failed|error|timed? ?out)",
            # A login or a bot wall before the shop's pictures: it has shown itself to Upsampler, not to us.
            r"(type|mime|got|received|returned|found|was|is).{0,30}(text/(html|plain)|\bhtml\b|web ?page)",
            rf"{_THING}.{{0,40}}\b(401|403|451)\b",
        ),
    ),
    (
        Verdict("source_too_large", transient=False),
        (
            r"too (large|big|many pixels)",
            rf"({_THING}|output|payload|resolution|dimensions?).{{0,60}}(exceed|(larg|bigg)er than|over the|above the)",
            rf"exceeds?.{{0,40}}({_LIMITED}|maximum)",
            rf"max(imum)? .{{0,30}}{_LIMITED}",
            r"megapixel limit",
            r"dimensions?.{0,20}(limit|invalid)|invalid dimension",
        ),
    ),
    (
        Verdict("source_unsupported", transient=False),
        (
            _NOT_KNOWN + r".{0,30}(format|(image|file|media|content).?type|mime|codec|extension)",
            r"(format|(file|media) type|mime|content.?type).{0,30}(unsupported|not (supported|allowed)|invalid)",
            _CANNOT + rf"(identif|decod|read|pars|process)\w* .{{0,20}}{_THING}",
            r"decod(e|ing) (error|failed)",
            r"not (a valid|an) image|invalid image\b",
            rf"corrupt(ed)? {_THING}|{_THING}.{{0,20}}(corrupt|damaged|truncated)",
        ),
    ),
    (
        Verdict("upsampler_failed_transient", transient=True),
        (
            r"time(d)?[ -]?out|temporar|try (it )?again|retry|interrupted|restart|preempt",
            r"internal|server error|overload|capacity|unavailable|busy|rate limit|too many requests|queue",
            r"out of memory|\boom\b|cuda|gpu|worker|node|connection|network|upstream",
        ),
    ),
    (
        # Says nothing: one more try costs little, and a customer who bought an image wants the image.
        Verdict("upsampler_failed_transient", transient=True),
        (
            r"^\W*(((an? )?(unknown|unexpected|generic) )?(error|failure)( occurred)?|failed|null|none)?\W*$",
            r"^\W*(the )?(job|task|upscal\w+|processing|prediction|request) (has )?failed\W*$",
            r"^\W*something went wrong\W*$",
        ),
    ),
)
_COMPILED = tuple(
    (re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE), verdict)
    for verdict, patterns in TEXTS
)
_OTHERWISE = Verdict("upsampler_failed", transient=False)


def error_text(error: object) -> str:
    """The words of Upsampler's `error` field, which is a string or an object: one line of at most 300 characters."""
    # Control characters would let a remote text write lines into our log.
    return re.sub(r"[\x00-\x1f\x7f\s]+", " ", "; ".join(_words(error, depth=6))).strip()[:MAX_DETAIL]


def _words(value: object, depth: int) -> list[str]:
    if value is None or value == "" or depth == 0:
        return []
    if isinstance(value, dict):
        named = [value[key] for key in ("message", "error", "detail", "reason", "code") if value.get(key)]
        value = named or list(value.values())
    if isinstance(value, (list, tuple)):
        return [word for part in value[:5] for word in _words(part, depth - 1)]
    return [str(value)[: 4 * MAX_DETAIL]]


def classify(error: object) -> Verdict:
    """Reads an error text (string, object or None). Pure; knows nothing of the HTTP status."""
    text = error_text(error)
    return next((verdict for pattern, verdict in _COMPILED if pattern.search(text)), _OTHERWISE)


# Statuses that say "the request never reached the application": 503 of a balancer without a server behind it,
# 521/522/523/525/526 of Cloudflare (refused, connect timed out, no route, TLS with the origin failed).
_NEVER_ARRIVED = frozenset({503, 521, 522, 523, 525, 526})


def http_error(
    status: int, body: object, *, submit: bool, wait: str | None = None, now: datetime | None = None
) -> SidecarError:
    """The error for an HTTP status that is not 2xx.

    Args:
        body: the decoded JSON object, or None when the body was no JSON object (then it was not the API that spoke).
        submit: whether this was the call that costs money; only there can an outcome be unknown.
        wait: the Retry-After header.

    A 5xx on submit is read with care, because a wrong guess costs the customer's time or a second bill:
    500/501/503/… with a JSON `error` is Upsampler's own answer, nothing was accepted: repeat. A gateway's 502 or 504
    comes after the request was passed on, and so does a bare 500 (an application that died in the middle): nobody
    knows whether the job exists. A bare 503 and Cloudflare's 521-526 come before it was passed on: repeat.
    """
    spoke = isinstance(body, dict)
    text = error_text(body.get("error", body.get("message"))) if isinstance(body, dict) else ""
    said = f"HTTP {status}" + (f": {text}" if text else "")
    pause = retry_after(wait, now)

    if status in (401, 403):
        return ConfigurationError("upsampler_key_refused", said)
    if status == 402:
        return ConfigurationError("upsampler_credits_exhausted", said)
    if status == 429:
        return TemporaryError("upsampler_rate_limited", said, retry_after=pause)
    if status >= 500:
        own_answer = spoke and bool(text) and status not in (502, 504)
        if submit and not own_answer and status not in _NEVER_ARRIVED:
            return UnknownOutcome("submit_outcome_unknown", f"{said} from a gateway: the job may have been accepted")
        return TemporaryError("upsampler_unavailable", said, retry_after=pause)
    if 300 <= status < 400:
        return TemporaryError("upsampler_unavailable", f"{said}, a redirect: is UPSAMPLER_URL right?")
    if status in (408, 425):
        return TemporaryError("upsampler_unavailable", said, retry_after=pause)
    if status == 413:
        return PermanentError("source_too_large", said)
    if status == 415:
        return PermanentError("source_unsupported", said)
    if status in (404, 405) and not spoke:
        # A web server's page, not the API's answer: a wrong address must not refund every customer.
        return TemporaryError("upsampler_unavailable", f"{said} without JSON: is UPSAMPLER_URL right?")
    if not submit:
        return PermanentError("upsampler_unknown_job" if status in (404, 410) else "upsampler_rejected", said)
    return refusal(text, said)


def refusal(error: object, detail: str) -> SidecarError:
    """The error for a submit that Upsampler refused in so many words: ConfigurationError upsampler_credits_exhausted;
    PermanentError source_… or upsampler_rejected."""
    code = classify(error).code
    if code == "upsampler_credits_exhausted":
        return ConfigurationError(code, detail)
    return PermanentError(code if code.startswith("source_") else "upsampler_rejected", detail)
