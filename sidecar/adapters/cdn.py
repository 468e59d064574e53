"""Adapter: a CDN before the downloads folder: signed addresses, and whether it delivers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from ..core.errors import ConfigurationError
from ..core.settings import Settings
from . import cdn_links, outside
from .files import storage_error
from .owner import as_around

PROBES = "cdn"  # in the downloads folder; the web server's snippet lets the CDN fetch what lies there, too
PROBE_TIMEOUT_S = 5
PROBE_S = 3600  # so long a probe keeps its name: what the CDN has kept says nothing about the way to the origin


class Cdn:
    """`folder`: the downloads folder, which is the origin's."""

    def __init__(self, settings: Settings, folder: Path, *, clock: Callable[[], float]):
        self._url, self._folder, self._clock = settings.cdn_url, folder, clock
        self._signing, self._key, self._key_id = settings.cdn_signing, settings.cdn_key, settings.cdn_key_id
        self._life_s = settings.cdn_link_s

    def address(self, path: str, *, version: str, name: str) -> str:
        """Opens a file of the downloads folder for SMI_CDN_LINK_S. `version`: of its content; `name`: what the customer
        is to save it as, for a CDN that heeds it (deploy/nginx-cdn.conf). Raises
        ConfigurationError("configuration_invalid")."""
        address, end = f"{self.plain(path)}?v={quote(version)}", int(self._clock()) + self._life_s
        if self._signing == "bunny":
            return cdn_links.bunny(address, self._key, end)
        if self._signing == "cloudfront":
            try:
                return cdn_links.cloudfront(address, self._key, end, self._key_id)
            except (ImportError, ValueError) as error:
                raise ConfigurationError(
                    "configuration_invalid",
                    "SMI_CDN_KEY must be an RSA key in PEM, and needs the package: pip install 'smi-sidecar[cdn]'",
                ) from error
        return cdn_links.secure_link(f"{address}&name={quote(name, safe='')}", self._key, end)

    def plain(self, path: str) -> str:
        """The address without a signature: it opens nothing."""
        return f"{self._url}/{quote(path)}"

    def probe(self) -> str:
        """Fetch a small file by way of the CDN: "" when it came, else what came instead. Takes PROBE_TIMEOUT_S three
        times at the most. Raises ConfigurationError configuration_invalid, disk_full, folder_not_writable."""
        path, content = self._probe_file()
        seen = outside.get(self.address(path, version="probe", name="probe"), timeout=PROBE_TIMEOUT_S)
        if seen.status == 200 and seen.body == content:
            return ""
        return seen.why or (f"it answers {seen.status}" if seen.status != 200 else "it answers with something else")

    def probe_unsigned(self) -> int:
        """What somebody without a signature gets: an HTTP status, 0 for no answer."""
        return outside.get(f"{self.plain(self._probe_file()[0])}?v=probe", timeout=PROBE_TIMEOUT_S).status

    def _probe_file(self) -> tuple[str, bytes]:
        """Its name and content; the files of earlier hours go."""
        name = f"{int(self._clock() / PROBE_S)}.txt"
        folder, content = self._folder / PROBES, f"smi {name}\n".encode()
        path = folder / name
        try:
            if not path.exists():
                if not folder.is_dir():
                    folder.mkdir(exist_ok=True)
                    as_around(folder)
                unfinished = path.with_suffix(".part")
                unfinished.write_bytes(content)
                as_around(unfinished)
                unfinished.rename(path)
                for old in folder.glob("*.txt"):
                    if old.name < name:
                        with suppress(FileNotFoundError):
                            old.unlink()
        except OSError as error:
            raise storage_error(error, path) from error
        return f"{PROBES}/{name}", content
