"""Workflow, port: files on their way: transfers, which wait for bytes in threads, and the parts that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from ...core.parts import Part
from ...core.pictures import ImageInfo

Result = TypeVar("Result")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Transfer(Protocol):
    """What its work tells of itself, and learns."""

    @property
    def alone(self) -> bool:
        """No worker waits any more: the end is told by `ended`."""

    def reads_from(self, abort: Callable[[], None]) -> None:
        """`abort` ends the exchange that this transfer waits for, from another thread. Raises GivenUp when it is to
        end already."""

    def came(self, bytes: int) -> None:
        """So many bytes have come. Raises GivenUp when it is to end."""

    def at_work(self) -> AbstractContextManager[None]:
        """The block does something with what has come: a worker waits for that, however long it takes."""


class Transfers(Protocol):
    """Work in threads of this process. What waits for bytes for longer than a moment goes on alone."""

    def run(
        self,
        name: str,
        work: Callable[[Transfer], Result],
        ended: Callable[[BaseException | None, Result | None], None],
    ) -> tuple[bool, Result | None]:
        """(True, what `work` has returned), or (False, None): it goes on alone, and calls `ended` from its thread with
        what it has raised and returned. `name`: of what it brings; whatever has gone on alone is known to be slow from
        then on. Raises what `work` raises in time; Crowded: there is no place for another."""

    def alone(self) -> int:
        """How many go on alone now."""

    def turned_away(self) -> int:
        """How many found no place in the last ten seconds."""

    def close(self) -> None:
        """The process ends: each gives its job back."""


class Parts(Protocol):
    """One part for each name, in the folder of temp files. A result's is its job's id. A write raises
    ConfigurationError disk_full or folder_not_writable."""

    def source_of(self, job_id: str) -> str:
        """The name of the part of a job's source."""

    def find(self, name: str, key: str) -> Part | None:
        """The part of `key`, if there is one."""

    def keep(
        self,
        temp: Path,
        name: str,
        *,
        key: str,
        total: int | None,
        etag: str,
        complete: bool,
        facts: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """Keep a closed temp file. `total`: bytes of the whole, None when the server did not say; `facts`: in JSON.
        Raises FileNotFoundError when the temp file has gone."""

    def take(self, part: Part, temp: Path) -> Path:
        """The part as a temp file."""

    def lend(self, part: Part, temp: Path) -> Path:
        """The part as a temp file that is only read: where the disk can do it, the part stays."""

    def chunks(self, path: Path) -> Iterator[bytes]:
        """The bytes of a part that was taken, from its beginning."""

    def grow(self, path: Path, at: int, chunks: Iterable[bytes]) -> Iterator[int]:
        """Write `chunks` from byte `at` on; yields the size of each when it is written."""

    def cut(self, path: Path, size: int) -> None:
        """Cut off what is behind `size` bytes; the rest is on the disk then."""

    def keep_look(self, job_id: str, key: str, info: ImageInfo, bytes: int | None) -> None:
        """What was seen of a source that lies elsewhere. `bytes`: None when unknown."""

    def find_look(self, job_id: str, key: str) -> tuple[ImageInfo, int | None] | None:
        """What `keep_look` kept under this key; None: nothing."""

    def drop(self, job_id: str) -> None:
        """Throw away all that is kept for a job."""
