"""Workflow, port: the others: the shop, Upsampler, and the servers that files are fetched from.

Errors are those of core/errors.py; their codes are lines of the recovery table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ...core.parts import Part


class Cdn(Protocol):
    """Where downloads are sent, if anywhere. Raises ConfigurationError: configuration_invalid for a key that is
    none."""

    def address(self, path: str, *, version: str, name: str) -> str:
        """An address that opens a file for some minutes. `path`: in the downloads folder; `version`: of the content;
        `name`: to save it as."""

    def probe(self) -> str:
        """ "" when it delivers, else what it does instead. Also raises ConfigurationError disk_full,
        folder_not_writable."""


class Shop(Protocol):
    """The bridge. Every message's effect has a key in the ledger: all of this is safe to repeat.

    Raises TemporaryError shop_unavailable; ConfigurationError shop_refused, shop_door_missing, shop_refused_message;
    shop_walled, as one or the other, where something before the shop answers in its place.
    """

    @property
    def detour(self) -> str:
        """Why another form of the shop's address is the one that works; "" when the first one is."""

    def send(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """One result for each, in order: {"id", "status": "done" | "refused" | "failed", "reason", "data"}."""

    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """The data of the answer to one question. A question that the shop refuses is TemporaryError shop_unavailable,
        too."""

    def order(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """Have the shop do something at a person's wish; also raises CallerError with its reason."""


class Submission(Protocol):
    """Upsampler has accepted. `credits`: the price, None when it did not name one."""

    @property
    def upsampler_id(self) -> str: ...
    @property
    def credits(self) -> float | None: ...


class UpsamplerStatus(Protocol):
    """The truth about a job. `status`: queued, processing, succeeded (`image_url` lives 3 hours), failed (`code` is one
    of the recovery table's; `transient`: another submit may succeed)."""

    @property
    def upsampler_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def image_url(self) -> str | None: ...
    @property
    def credits(self) -> float | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...
    @property
    def transient(self) -> bool: ...


class Upsampler(Protocol):
    """Raises TemporaryError upsampler_unavailable, upsampler_rate_limited, upsampler_bad_answer; ConfigurationError
    upsampler_key_refused, upsampler_credits_exhausted; PermanentError upsampler_rejected and as each method says."""

    def submit(self, *, image_url: str, factor: int, webhook_url: str | None) -> Submission:
        """Not safe to repeat: each call may cost credits.

        UnknownOutcome submit_outcome_unknown: sent, and the answer lost. PermanentError source_too_large,
        source_unsupported, source_unreachable_for_upsampler.
        """

    def status(self, upsampler_id: str) -> UpsamplerStatus:
        """PermanentError upsampler_unknown_job."""

    def check_key(self) -> None:
        """Returns when the key is accepted. Costs no credits."""


class FetchResponse(Protocol):
    """An answer whose body is on the wire. `content_length`: bytes still to come, None when the server did not say.
    `chunks`: its bytes as they come, which raise as `Fetcher.stream`. `begins_at`: the first byte that comes. `etag`: a
    strong one (RFC 9110, 8.8.1), or ""."""

    @property
    def content_length(self) -> int | None: ...
    @property
    def chunks(self) -> Iterator[bytes]: ...
    @property
    def begins_at(self) -> int: ...
    @property
    def etag(self) -> str: ...


class Fetcher(Protocol):
    """GET from public addresses only."""

    def stream(
        self,
        url: str,
        *,
        max_bytes: int,
        deadline_s: float,
        least_bytes_per_s: float = 0,
        begun: Part | None = None,
        chunk_size: int = 1 << 20,
        watched: Callable[[Callable[[], None]], None] | None = None,
    ) -> AbstractContextManager[FetchResponse]:
        """`begun`: what an earlier try has; the server may go on from there. `chunk_size`: bytes, the largest piece.
        `watched`: gets what ends the exchange from another thread, before it begins.

        Raises, also while chunks are read: PermanentError fetch_refused_address, result_gone, result_too_large;
        TemporaryError fetch_unavailable, fetch_failed, fetch_slow, result_cut.
        """
