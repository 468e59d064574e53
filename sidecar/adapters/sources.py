"""Adapter: the bought picture. Finds it on disk when it lies in the uploads folder, else looks at its first bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ..core.errors import PermanentError, TemporaryError
from ..core.formats import format_of
from ..core.job import Job
from .fetch import Refused, SafeFetcher
from .files import storage_error
from .images import ImageInfo, our_format, read_header, read_header_bytes, read_header_of

HEADER_BYTES = 256 * 1024  # of most photos, EXIF, thumbnail and ICC profile end before; of others all is fetched
MOST_BYTES = 2_000_000_000  # no source of a customer is larger; a stranger's endless file ends here
OBTAIN_S = 120  # seconds for a whole source
_IN_MEMORY = 4 << 20
_GONE = (404, 410)
_OTHER_FORMATS = frozenset({"gif", "bmp", "tif", "tiff", "avif", "heic", "heif", "jxl", "jp2", "psd", "pdf"})


@dataclass(frozen=True)
class Source:
    """`path`: the local file, or None when it is only known by `url`; `bytes`: None when unknown."""

    url: str
    path: Path | None
    info: ImageInfo
    bytes: int | None


class Sources:
    """Finds and reads sources; writes nothing but a copy that it is asked for."""

    def __init__(
        self,
        fetcher: SafeFetcher,
        *,
        uploads_dir: Path,
        uploads_url: str,
        shop_url: str = "",
        work_dir: Path | None = None,
    ):
        """`work_dir`: for temporary files without a name; default: the system's."""
        self._fetcher = fetcher
        self._dir = uploads_dir
        self._url = uploads_url.rstrip("/") + "/"
        self._own_hosts = {_host(url) for url in (uploads_url, shop_url) if url}
        self._work_dir = work_dir

    def look(self, job: Job) -> Source:
        """What the source is, found alike wherever it lies. Raises PermanentError source_url_invalid,
        source_outside_uploads, source_gone, source_refused, source_not_an_image, source_unsupported; TemporaryError
        from the network.
        """
        path = self.local_path(job)
        if path is not None:
            if not path.is_file():
                raise PermanentError("source_gone", "the file is no longer in the uploads folder")
            return Source(self.public_url(path), path, read_header(path), path.stat().st_size)
        with self._as_a_source():
            head = self._fetcher.head_bytes(job.source_url, HEADER_BYTES)
        _must_be_a_picture(head.data, job.source_url)
        info = read_header_bytes(head.data, whole=head.whole)
        if info is not None:
            return Source(job.source_url, None, info, head.total)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=self._folder_for_temps()) as file:
            for chunk in self._fetched(job.source_url, MOST_BYTES):
                file.write(chunk)
            size = file.tell()
            return Source(job.source_url, None, read_header_of(file), size)

    def obtain(self, job: Job, into: Path, *, max_bytes: int) -> Path:
        """The source as a local file: where it lies, or fetched to `into`. Raises as `look`, and source_too_large."""
        path = self.local_path(job)
        if path is not None:
            if not path.is_file():
                raise PermanentError("source_gone", "the file is no longer in the uploads folder")
            return path
        try:
            with into.open("wb") as file:
                for chunk in self._fetched(job.source_url, max_bytes):
                    file.write(chunk)
        except OSError as error:
            into.unlink(missing_ok=True)
            raise storage_error(error, into) from error
        except BaseException:
            into.unlink(missing_ok=True)
            raise
        return into

    def local_path(self, job: Job) -> Path | None:
        """Where the source lies on this machine, None for a source that lies elsewhere."""
        if job.source_type == "upload" or job.source_path:
            if not job.source_path:
                raise PermanentError("source_outside_uploads", "the uploaded file lies outside the uploads folder")
            return self._inside(job.source_path)
        parts = urlsplit(job.source_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PermanentError("source_url_invalid", "the source's address is no http or https address")
        plain = job.source_url.partition("?")[0]
        # http and https addresses of the same file occur side by side in old posts
        if plain.partition("://")[2].startswith(self._url.partition("://")[2]):
            return self._inside(unquote(plain.partition("://")[2].removeprefix(self._url.partition("://")[2])))
        return None

    def public_url(self, path: Path) -> str:
        return self._url + quote(str(path.relative_to(self._dir.resolve())))

    def name(self, path: Path) -> str:
        """A local source's path relative to the uploads folder, for a source token."""
        return str(path.relative_to(self._dir.resolve()))

    def named(self, name: str) -> Path:
        """The file behind a source token."""
        return self._inside(name)

    def _fetched(self, url: str, max_bytes: int) -> Iterator[bytes]:
        with (
            self._as_a_source(),
            self._fetcher.stream(url, max_bytes=max_bytes, deadline_s=OBTAIN_S) as response,
        ):
            yield from response.chunks

    def _folder_for_temps(self) -> Path | None:
        return self._work_dir if self._work_dir and self._work_dir.is_dir() else None

    @contextmanager
    def _as_a_source(self) -> Iterator[None]:
        """The fetcher speaks of results; what befalls a source has names, and lines of the recovery table, of its own.

        That a source is gone, only the shop's own server can say: everybody else's 404 may be a wall, a moved bucket.
        """
        try:
            yield
        except Refused as error:
            gone = error.status in _GONE and _host(f"//{error.host}") in self._own_hosts
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
        path = (self._dir / relative).resolve()
        if not path.is_relative_to(self._dir.resolve()):
            raise PermanentError("source_outside_uploads", "the source's path leaves the uploads folder")
        return path


def _must_be_a_picture(head: bytes, url: str) -> None:
    """A server that sends something else than a picture of ours shows a login, a bot wall, a substitute: that says
    nothing about the file. Only a format that the address names as well is the file's own."""
    try:
        our_format(head)
    except PermanentError as error:
        if error.code == "source_unsupported" and format_of(urlsplit(url).path.lower()) in _OTHER_FORMATS:
            raise
        raise PermanentError("source_refused", f"the server sent no picture: {error.detail}") from error


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
