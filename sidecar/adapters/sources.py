"""Adapter: the bought picture. Finds it on disk when it lies in the uploads folder, else looks at its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ..core.errors import PermanentError, TemporaryError
from ..core.job import Job
from .fetch import SafeFetcher
from .files import storage_error
from .images import ImageInfo, read_header, read_header_bytes

HEADER_BYTES = 256 * 1024  # EXIF, thumbnails and ICC profiles come before the dimensions of a JPEG


@dataclass(frozen=True)
class Source:
    """`path`: the local file, or None when it is only known by `url`; `bytes`: None when unknown."""

    url: str
    path: Path | None
    info: ImageInfo
    bytes: int | None


class Sources:
    """Finds and reads sources; writes nothing but a copy that it is asked for."""

    def __init__(self, fetcher: SafeFetcher, *, uploads_dir: Path, uploads_url: str):
        self._fetcher = fetcher
        self._dir = uploads_dir
        self._url = uploads_url.rstrip("/") + "/"

    def look(self, job: Job) -> Source:
        """Header of the source. Raises PermanentError source_url_invalid, source_outside_uploads, source_gone,
        source_not_an_image, source_unsupported; TemporaryError from the network.
        """
        path = self.local_path(job)
        if path is not None:
            if not path.is_file():
                raise PermanentError("source_gone", "the file is no longer in the uploads folder")
            return Source(self.public_url(path), path, read_header(path), path.stat().st_size)
        with _as_a_source():
            prefix = self._fetcher.head_bytes(job.source_url, HEADER_BYTES)
        return Source(job.source_url, None, read_header_bytes(prefix), None)

    def obtain(self, job: Job, into: Path, *, max_bytes: int) -> Path:
        """The source as a local file: where it lies, or fetched to `into`. Raises as `look`, and source_too_large."""
        path = self.local_path(job)
        if path is not None:
            if not path.is_file():
                raise PermanentError("source_gone", "the file is no longer in the uploads folder")
            return path
        try:
            with _as_a_source():
                fetch = self._fetcher.stream(job.source_url, max_bytes=max_bytes, deadline_s=120)
                with fetch as response, into.open("wb") as file:
                    for chunk in response.chunks:
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

    def _inside(self, relative: str) -> Path:
        path = (self._dir / relative).resolve()
        if not path.is_relative_to(self._dir.resolve()):
            raise PermanentError("source_outside_uploads", "the source's path leaves the uploads folder")
        return path


@contextmanager
def _as_a_source() -> Iterator[None]:
    """The fetcher speaks of results; what befalls a source has names, and a line of the recovery table, of its own."""
    try:
        yield
    except PermanentError as error:
        renamed = {"result_gone": "source_gone", "result_too_large": "source_too_large"}.get(error.code, error.code)
        raise PermanentError(renamed, error.detail) from error
    except TemporaryError as error:
        if error.code != "result_cut":
            raise
        raise TemporaryError("fetch_failed", error.detail) from error
