"""Workflow, port: pictures: the bought source, the checks on a result, conversions. Memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ...core.job import Job
from ...core.parts import Part
from ...core.pictures import AsJpeg, Converted, Expected, ImageInfo
from .outside import FetchResponse
from .transfers import Transfer


class Source(Protocol):
    """A bought picture. `path`: the local file, None when only `url` is known; `bytes`: None when unknown."""

    @property
    def url(self) -> str: ...
    @property
    def path(self) -> Path | None: ...
    @property
    def info(self) -> ImageInfo: ...
    @property
    def bytes(self) -> int | None: ...


class Sources(Protocol):
    """Raises PermanentError source_url_invalid, source_outside_uploads, source_gone, source_refused,
    source_not_an_image, source_unsupported, fetch_refused_address, and of `stream` source_too_large; TemporaryError
    fetch_unavailable, fetch_failed, fetch_slow; ConfigurationError folder_not_writable when the whole folder of uploads
    is not there."""

    def local_path(self, job: Job) -> Path | None:
        """Where the source lies on this machine; None: elsewhere. Raises source_gone for one that should be here."""

    def inspect(self, job: Job, transfer: Transfer | None = None) -> Source | None:
        """What the source is; of one that lies elsewhere, as far as its first bytes tell it: None, when they do not.
        `transfer`: in whose thread it is fetched. Raises GivenUp when that is to end."""

    def inspect_here(self, path: Path) -> Source:
        """What a source is that `local_path` has found."""

    def inspect_file(self, job: Job, fetched: Path) -> Source:
        """What a source is that lies elsewhere and was fetched."""

    def seen_before(self, job: Job, info: ImageInfo, bytes: int | None) -> Source:
        """A source that lies elsewhere and was looked at before."""

    def stream(
        self,
        job: Job,
        *,
        max_bytes: int,
        deadline_s: float,
        least_bytes_per_s: float,
        begun: Part | None,
        watched: Callable[[Callable[[], None]], None] | None = None,
    ) -> AbstractContextManager[FetchResponse]:
        """A source that lies elsewhere, as `Fetcher.stream`."""

    def name(self, path: Path) -> str:
        """A local source's path, for a source token."""

    def named(self, name: str) -> Path:
        """The file behind a source token."""


class Verifier(Protocol):
    """Checks one result as it arrives, and says what it found. Not to be fed again after it has raised.

    Raises PermanentError result_truncated, result_corrupt, result_not_an_image, result_wrong_dimensions,
    result_wrong_format, result_too_large.
    """

    @property
    def bytes_seen(self) -> int: ...
    @property
    def flaws(self) -> Sequence[str]:
        """Small flaws, in words, for which a picture is repaired and not ordered again."""

    @property
    def must_be_rewritten(self) -> bool:
        """A flaw goes only when the file is written anew."""

    @property
    def reduction(self) -> Any:
        """A small copy for `check_picture` of this very result, which alone knows what it is; None: the file has to be
        read."""

    @property
    def converts(self) -> bool:
        """The JPEG that was ordered will take the place of what is fed, should it prove sound."""

    @property
    def converted(self) -> Converted | None:
        """The JPEG that was ordered, after `finish`; None: none was made."""

    def discard(self) -> None:
        """Remove what was made beside the check. Safe to repeat."""

    def feed(self, chunk: bytes) -> bytes | memoryview:
        """The next bytes of the file; returns those of them that belong to the picture. Raises as the file that was
        opened for a JPEG, too."""

    def finish(self) -> ImageInfo:
        """The stream has ended: what the picture is. Raises when the picture has not."""


class PictureVerdict(Protocol):
    """`code`: one of the recovery table's, None if `ok`; `detail`: a sentence for the admin."""

    @property
    def ok(self) -> bool: ...
    @property
    def code(self) -> str | None: ...
    @property
    def detail(self) -> str: ...


class Pictures(Protocol):
    """Checks and conversions."""

    def Verifier(self, expected: Expected, *, look: bool = False, jpeg: AsJpeg | None = None) -> Verifier:
        """`look`: a reduction is wanted, for `check_picture`. `jpeg`: so is a JPEG of it. Both are made on the way, of
        the kinds of picture for which that can be done."""

    def verify_pixels(self, path: Path, info: ImageInfo) -> None:
        """That a complete file decodes; raises PermanentError result_corrupt."""

    def check_picture(self, source: Path, result: Path, info: ImageInfo, *, reduction: Any = None) -> PictureVerdict:
        """Whether a result shows its source. `reduction`: its Verifier's. Raises PermanentError source_not_an_image,
        source_unsupported."""

    def convert(
        self, source: Path, target: Path, *, format: str, quality: int, size: tuple[int, int] | None
    ) -> ImageInfo:
        """Write `source` as `format`, resized to `size` px; returns what was written. Raises PermanentError
        conversion_failed, ConfigurationError disk_full."""

    def thumbnail(self, path: Path) -> bytes:
        """A small JPEG. Raises PermanentError result_corrupt."""
