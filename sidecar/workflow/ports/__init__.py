"""Workflow: what it needs of the world, in one bundle. `services.py` fills it with real parts, tests with doubles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from ..core.settings import Settings
from ..core.tokens import TokenMaker


class Log(Protocol):
    def __call__(self, event: str, sentence: str, **fields: Any) -> None: ...


class Queue(Protocol):
    def stage(self, stage: str, job_id: str, attempt: int) -> bool: ...
    def watch(self, jobs: list[tuple[str, int]]) -> None: ...
    def flush(self, lane: str, *, at: float = 0) -> None: ...
    def begin(self, stage: str, job_id: str) -> None: ...
    def together(self) -> AbstractContextManager[None]: ...


class StoredFile(Protocol):
    """A finished file: its name, bytes, and when it was last written (Unix seconds)."""

    name: str
    bytes: int
    modified: float


class LeaseKeeper(Protocol):
    def keep(self, renew: Callable[[], None]) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class Ports:
    """Everything that a stage may touch. The types named in comments are the real ones; a double has the same methods
    and passes the same contract test."""

    settings: Settings
    clock: Callable[[], float]  # Unix seconds
    random: Callable[[], float]  # [0, 1), for jitter
    store: Any  # adapters.store.RedisJobStore
    outbox: Any  # adapters.store.RedisOutbox
    queue: Queue
    shop: Any  # adapters.shop.ShopDoor
    upsampler: Any  # adapters.upsampler.UpsamplerClient
    fetcher: Any  # adapters.fetch.SafeFetcher
    sources: Any  # adapters.sources.Sources
    copies: Any  # adapters.copies.SourceCopies
    files: Any  # adapters.files.ResultFiles
    parts: Any  # adapters.parts.Parts
    transfers: Any  # adapters.transfers.Transfers
    pictures: Any  # adapters.images
    tokens: TokenMaker
    leases: LeaseKeeper
    log: Log
    bind: Callable[..., AbstractContextManager[Any]] = lambda **fields: nullcontext()  # fields of all log lines inside
    crash_point: Callable[[str], None] = lambda name: None  # where crash tests may kill the process
