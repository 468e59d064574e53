"""Adapter: the bought picture. Finds it on disk when it lies in the uploads folder, else looks at its first bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from ..core.addresses import as_opened, climbs_out, host_of, path_below, spellings
from ..core.errors import ConfigurationError, PermanentError, TemporaryError
from ..core.formats import format_of
from ..core.job import Job
from .fetch import FetchResponse, Head, Refused, Resumable, SafeFetcher
from .images import ImageInfo, our_format, read_header, read_header_bytes

HEADER_BYTES = 256 * 1024  # of most photos, EXIF, thumbnail and ICC profile end before; of others all is fetched
SIGNATURE_BYTES = 64  # tell a picture from a web page
_GONE = (404, 410)
_BY_THE_BRIDGE = "Smi-Bridge"  # this header no wall sends
_OTHER_FORMATS = frozenset({"gif", "bmp", "tif", "tiff", "avif", "heic", "heif", "jxl", "jp2", "psd", "pdf"})


class Watched(Protocol):
    """Whose thread this is (workflow.ports, transfers)."""

    def reads_from(self, abort: Callable[[], None]) -> None: ...


@dataclass(frozen=True)
class Source:
    """`path`: the local file, or None when it is only known by `url`; `bytes`: None when unknown."""

    url: str
    path: Path | None
    info: ImageInfo
    bytes: int | None


class Sources:
    """Finds and reads sources; writes nothing."""

    def __init__(
        self,
        fetcher: SafeFetcher,
        *,
        uploads_dir: Path | None,
        uploads_url: str,
        shop_url: str = "",
        work_dir: Path | None = None,
        signed: Callable[[str], str] | None = None,
    ):
        """`uploads_dir`: None where it is not on this machine: then every source comes by its address, and `named`
        finds our own copies only. `work_dir`: where our own copies lie then; default: the system's. `signed`: of
        a job's id, the address by which the shop hands out a source that need not be public."""
        self._fetcher = fetcher
        self._is_far = uploads_dir is None
        self._dir = uploads_dir or work_dir or Path(tempfile.gettempdir())
        self._root: tuple[tuple[int, int] | None, Path] = (None, self._dir)
        self._url = uploads_url.rstrip("/") + "/"
        self._shop_url = (shop_url or uploads_url).rstrip("/")
        self._own_hosts = {host_of(url) for url in (uploads_url, shop_url) if url}
        self._signed = signed

    def inspect(self, job: Job, transfer: Watched | None = None) -> Source | None:
        """What the source is, found alike wherever it lies. None: it lies elsewhere, and its first bytes do not tell.
        `transfer`: whose thread this is; it may end the exchange.

        Raises PermanentError source_url_invalid, source_outside_uploads, source_gone, source_refused,
        source_not_an_image, source_unsupported, fetch_refused_address; TemporaryError fetch_unavailable, fetch_failed;
        ConfigurationError folder_not_writable when the whole folder of uploads is not there.
        """
        path = self.local_path(job)
        if path is not None:
            return self.inspect_here(path)
        url = self._address(job)
        head = self._first_bytes(url, transfer)
        try:
            _must_be_a_picture(head.data, url)
        except PermanentError:
            self._ask_the_shop(job, transfer)
            raise
        info = read_header_bytes(head.data, whole=head.whole)
        return Source(url, None, info, head.total) if info is not None else None

    def _first_bytes(self, url: str, transfer: Watched | None) -> Head:
        with self._as_a_source():
            return self._fetcher.head_bytes(url, HEADER_BYTES, watched=transfer.reads_from if transfer else None)

    def _ask_the_shop(self, job: Job, transfer: Watched | None) -> None:
        """Raises what is wrong with the file itself, when the bridge says so, who has it on its disk: what its public
        address shows may be a wall's."""
        if not (self._is_far and self._signed and job.source_path):
            return
        try:
            head = self._first_bytes(self._signed(job.job_id), transfer)
        except (PermanentError, TemporaryError):
            return  # it says nothing
        if _BY_THE_BRIDGE in head.headers:
            our_format(head.data)

    def inspect_here(self, path: Path) -> Source:
        """What a source is that `local_path` has found. Raises as `inspect`."""
        return Source(self.public_url(path), path, read_header(path), path.stat().st_size)

    def inspect_file(self, job: Job, fetched: Path) -> Source:
        """What a source is that lies elsewhere and was fetched. Raises as `inspect`."""
        return self.seen_before(job, read_header(fetched), fetched.stat().st_size)

    def seen_before(self, job: Job, info: ImageInfo, bytes: int | None) -> Source:
        """A source that lies elsewhere and was looked at before."""
        return Source(self._address(job), None, info, bytes)

    @contextmanager
    def stream(
        self,
        job: Job,
        *,
        max_bytes: int,
        deadline_s: float,
        least_bytes_per_s: float = 0,
        begun: Resumable | None = None,
        watched: Callable[[Callable[[], None]], None] | None = None,
    ) -> Iterator[FetchResponse]:
        """A source that lies elsewhere, as `SafeFetcher.stream`. Raises as `inspect`, and source_too_large."""
        url = self._address(job)
        with (
            self._as_a_source(),
            self._fetcher.stream(
                url,
                max_bytes=max_bytes,
                deadline_s=deadline_s,
                least_bytes_per_s=least_bytes_per_s,
                begun=begun,
                watched=watched,
            ) as response,
        ):
            at_first = response.begins_at == 0
            yield replace(response, chunks=_of_a_picture(response.chunks, url)) if at_first else response

    def local_path(self, job: Job) -> Path | None:
        """Where the source lies on this machine, None for a source that lies elsewhere. Raises as `inspect`."""
        path = self._local_path(job)
        if path is not None:
            self._must_be_there(path)
        return path

    def _local_path(self, job: Job) -> Path | None:
        if job.source_type == "upload" or job.source_path:
            if not job.source_path:
                raise PermanentError("source_outside_uploads", "the uploaded file lies outside the uploads folder")
            return None if self._is_far else self._spelt(job.source_path)
        url = self._address(job)
        below = path_below(self._url, url)
        if below is None and climbs_out(self._url, job.source_url):
            raise PermanentError("source_outside_uploads", "the source's address leaves the uploads folder")
        if self._is_far:
            return None
        if below is not None:
            return self._spelt(below)
        # The folder's own address, where another one (a CDN's) is set: old posts have it.
        below = path_below(f"{self._shop_url}/wp-content/uploads/", url)
        path = self._spelt(below) if below else None
        return path if path and _is_file(path) else None

    def _address(self, job: Job) -> str:
        """The source's address as a browser on the shop's pages opens it."""
        if self._is_far and self._signed and job.source_type == "upload":
            return self._signed(job.job_id)
        if (url := as_opened(job.source_url, self._shop_url)) is None:
            raise PermanentError("source_url_invalid", "the source's address is no http or https address")
        return url

    def _spelt(self, relative: str) -> Path:
        """The file, however its accents are written there."""
        paths = [self._inside(spelling) for spelling in spellings(relative)]
        return next((path for path in paths if _is_file(path)), paths[0])

    def _must_be_there(self, path: Path) -> None:
        if _is_file(path):
            return
        if not self._dir.is_dir():  # a volume that is not mounted says nothing about the files on it
            raise ConfigurationError("folder_not_writable", f"{self._dir} is not there")
        raise PermanentError("source_gone", "the file is no longer in the uploads folder")

    def public_url(self, path: Path) -> str:
        """The address of a file in the uploads folder; what is no ASCII is percent-encoded byte for byte (RFC 3986,
        2.1)."""
        return self._url + quote(os.fsencode(path.relative_to(self._real_dir())))

    def name(self, path: Path) -> str:
        """A local source's path relative to the uploads folder, for a source token."""
        return str(path.relative_to(self._real_dir()))

    def named(self, name: str) -> Path:
        """The file behind a source token, which need not be there. Raises PermanentError source_outside_uploads,
        source_url_invalid."""
        return self._inside(name)

    @contextmanager
    def _as_a_source(self) -> Iterator[None]:
        """The fetcher speaks of results; what befalls a source has names, and lines of the recovery table, of its own.

        That a source is gone, only the shop's own server can say: everybody else's 404 may be a wall, a moved bucket.
        """
        try:
            yield
        except Refused as error:
            gone = error.status in _GONE and error.host.lower().removeprefix("www.") in self._own_hosts
            code = "source_gone" if gone else "source_refused"
            raise PermanentError(code, f"{error.host} answers {error.detail}") from error
        except PermanentError as error:
            code = "source_too_large" if error.code == "result_too_large" else error.code
            raise PermanentError(code, error.detail) from error
        except TemporaryError as error:
            if error.code != "result_cut":
                raise
            raise TemporaryError("fetch_failed", error.detail) from error

    def _inside(self, relative: str) -> Path:
        if "\0" in relative:
            raise PermanentError("source_url_invalid", "the source's path holds a zero byte")
        path = Path(os.path.realpath(self._dir / relative))
        if not path.is_relative_to(self._real_dir()):
            raise PermanentError("source_outside_uploads", "the source's path leaves the uploads folder")
        return path

    def _real_dir(self) -> Path:
        """Where the folder really lies, found out again when it is another one."""
        try:
            now = os.stat(self._dir)
        except OSError:
            return self._dir.resolve()
        known = (now.st_dev, now.st_ino)
        if self._root[0] != known:
            self._root = known, self._dir.resolve()
        return self._root[1]


def _of_a_picture(chunks: Iterator[bytes], url: str) -> Iterator[bytes]:
    """The same bytes. Nothing is judged by the first few of a file that drips."""
    first = b""
    while len(first) < SIGNATURE_BYTES and (chunk := next(chunks, b"")):
        first += chunk
    _must_be_a_picture(first, url)
    yield first
    yield from chunks


def _must_be_a_picture(head: bytes, url: str) -> None:
    """A server that sends something else than a picture of ours shows a login, a bot wall, a substitute: that says
    nothing about the file. Only a format that the address names as well is the file's own."""
    try:
        our_format(head)
    except PermanentError as error:
        if error.code == "source_unsupported" and format_of(urlsplit(url).path.lower()) in _OTHER_FORMATS:
            raise
        raise PermanentError("source_refused", f"the server sent no picture: {error.detail}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system would take
        return False
