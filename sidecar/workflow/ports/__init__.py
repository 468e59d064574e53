"""Workflow: what it needs of the world, in one bundle. `services.py` fills it with real parts, tests with doubles.

A port says what the workflow and the entry points may ask of a part, in which units, and which errors come back. Real
part and double are both checked against it: by the type checker (`make lint`) for their form, by the contract tests in
`tests/` for what they do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ...core.settings import Settings
from ...core.tokens import TokenMaker
from .files import Copies, Files, Incoming, SourceCopy, StoredFile
from .memory import Heartbeats, Holds, Idempotency, JobStore, MemoryServer
from .outside import Cdn, Fetcher, FetchResponse, Shop, Submission, Upsampler, UpsamplerStatus
from .pictures import Pictures, PictureVerdict, Source, Sources, Verifier
from .transfers import Parts, Transfer, Transfers
from .work import LeaseKeeper, Log, Outbox, WorkQueue

__all__ = [
    "Cdn",
    "Copies",
    "FetchResponse",
    "Fetcher",
    "Files",
    "Heartbeats",
    "Holds",
    "Idempotency",
    "Incoming",
    "JobStore",
    "LeaseKeeper",
    "Log",
    "MemoryServer",
    "Outbox",
    "Parts",
    "PictureVerdict",
    "Pictures",
    "Ports",
    "Shop",
    "Source",
    "SourceCopy",
    "Sources",
    "StoredFile",
    "Submission",
    "Transfer",
    "Transfers",
    "Upsampler",
    "UpsamplerStatus",
    "Verifier",
    "WorkQueue",
]


@dataclass(frozen=True)
class Ports:
    """Everything that a stage may touch."""

    settings: Settings
    clock: Callable[[], float]  # Unix seconds
    random: Callable[[], float]  # [0, 1), for jitter
    store: JobStore
    outbox: Outbox
    queue: WorkQueue
    shop: Shop
    upsampler: Upsampler
    fetcher: Fetcher
    sources: Sources
    copies: Copies
    files: Files
    parts: Parts
    transfers: Transfers
    pictures: Pictures
    tokens: TokenMaker
    leases: LeaseKeeper
    log: Log
    cdn: Cdn | None = None  # where downloads are sent there
    bind: Callable[..., AbstractContextManager[Any]] = lambda **fields: nullcontext()  # fields of all log lines inside
    memory_outages: tuple[type[Exception], ...] = ()  # what store, outbox and queue raise while working memory is away
    crash_point: Callable[[str], None] = lambda name: None  # where crash tests may kill the process
