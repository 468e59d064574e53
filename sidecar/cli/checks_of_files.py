"""Console: what `doctor` looks at in the uploads folder: from here, as others see it, or through the shop's door."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..adapters import outside
from ..adapters.cdn import Cdn
from ..core.advice import Advice, advice
from ..services import Services

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")  # how what we deliver begins


@dataclass(frozen=True)
class Finding:
    """`ok`: None when it could not be looked at (because something before it failed)."""

    name: str
    ok: bool | None
    found: str
    fix: str = ""
    advice: Advice | None = None


def uploads(services: Services, name: str) -> Finding:
    """The folder is there and can be written to; with SMI_STORAGE=rest, the shop answers for it. Raises as
    `Files.probe`."""
    if services.settings.at_the_shop:
        services.ports.files.probe()
        return Finding(name, True, "not needed: files go through the shop's door, which answers")
    folder = services.settings.uploads_dir
    if not folder.is_dir():
        fix, wrong = "Set SMI_UPLOADS_DIR to WordPress' uploads folder.", advice("uploads_not_here", folder=folder)
        return Finding(name, False, f"there is no folder {folder}", fix, wrong)
    services.ports.files.probe()
    return Finding(name, True, f"{services.ports.files.root} can be written and read")


@contextmanager
def _canary(folder: Path) -> Iterator[tuple[str, bytes]]:
    """A file with an unguessable name and content, gone afterwards: (name, content)."""
    name, content = f"smi-canary-{secrets.token_hex(8)}.txt", secrets.token_hex(16).encode()
    path = folder / name
    try:
        path.write_bytes(content)
        yield name, content
    finally:
        path.unlink(missing_ok=True)


def same_folder(services: Services, name: str) -> Finding:
    """What we write into the uploads folder must be what the web server finds there."""
    if services.settings.at_the_shop:
        return Finding(name, True, "the shop writes its own")
    folder, url = services.settings.uploads_dir, services.settings.uploads_base_url
    fix = f"SMI_UPLOADS_DIR must be the folder behind {url} (SMI_UPLOADS_URL), readable for the web server's user."
    try:
        with _canary(folder) as (file, content):
            seen = outside.get(f"{url}/{file}")
    except OSError as error:
        return Finding(name, False, f"{folder}: {error.strerror}", fix)
    if seen.status == 200 and seen.body == content:
        return Finding(name, True, f"{folder} is {url}")
    if seen.status in (200, 404):
        other = advice("uploads_other_folder", folder=folder, url=url)
        return Finding(name, False, f"a file in {folder} is not to be found at {url}", fix, other)
    return Finding(name, None, f"{url} can't be looked into: {seen.why or seen.status}")


def closed(services: Services, name: str) -> Finding:
    """A stranger who guesses a paid file's address must not get it."""
    folder, url = services.settings.downloads_dir, f"{services.settings.uploads_base_url}/smi-downloads"
    if services.settings.at_the_shop:
        return _closed_at_the_shop(services, name, url)
    with _canary(folder) as (file, content):
        seen = outside.get(f"{url}/{file}")
    if seen.status == 0:
        return Finding(name, None, f"{url}: {seen.why}")
    if seen.body == content:
        fix = "The last block of deploy/nginx.conf belongs into the site's server block (nginx ignores .htaccess)."
        return Finding(name, False, f"anybody can download from {url}", fix, advice("folder_open", url=url))
    return Finding(name, True, f"{url} answers {seen.status}")


def _closed_at_the_shop(services: Services, name: str, url: str) -> Finding:
    """Nothing of ours can be put there to be asked for, but a paid file."""
    file = next(iter(services.ports.files.stored()), None)
    if file is None:
        return Finding(name, True, "nothing is there to protect yet; Site Health will look with a file of its own")
    seen = outside.get(f"{url}/{file.name}")
    if seen.status == 200 and seen.body.startswith(_PICTURES):
        fix = "The last block of deploy/nginx.conf belongs into the site's server block (nginx ignores .htaccess)."
        return Finding(name, False, f"anybody can download from {url}", fix, advice("folder_open", url=url))
    return Finding(name, True if seen.status else None, f"{url} answers {seen.status or seen.why}")


def cdn(services: Services, name: str) -> Finding:
    """The CDN delivers what is signed, and nothing else. Raises ConfigurationError for a key that is none."""
    settings = services.settings
    if not settings.hands_out:
        return _cdn_of_the_shop(services, name)
    if settings.download_mode != "redirect":
        return Finding(name, True, "not used")
    way = Cdn(settings, settings.downloads_dir, clock=services.ports.clock)
    if why := way.probe():
        fix = "Compare SMI_CDN_KEY and the key of the origin on both sides; docs/installation.md, “A CDN in front”."
        return Finding(name, False, f"{settings.cdn_url}: {why}; the sidecar sends the files itself meanwhile", fix)
    return _is_closed(name, settings.cdn_url, way.probe_unsigned())


def _cdn_of_the_shop(services: Services, name: str) -> Finding:
    """The bridge has looked at it; without a signature anybody can."""
    known = services.ports.shop.ask("status", {}).get("cdn")
    if known is None:
        wanted = services.settings.download_mode == "redirect"
        fix = "Put SMI_BRIDGE_CDN_URL, _SIGNING and _KEY into wp-config.php; docs/installation.md, “A CDN in front”."
        return Finding(
            name, not wanted, "the shop hands the files out, and knows no CDN" if wanted else "not used", fix
        )
    address = known["probe"].rpartition("/cdn/")[0]
    if known["fault"]:
        fix = "Compare SMI_BRIDGE_CDN_… of wp-config.php and the key of the origin with the CDN's."
        return Finding(name, False, f"{address}: {known['fault']}; the shop sends the files itself meanwhile", fix)
    return _is_closed(name, address, outside.get(known["probe"], timeout=5).status)


def _is_closed(name: str, address: str, status: int) -> Finding:
    """`status`: what somebody without a signature gets."""
    if status == 200:
        fix = "Switch the CDN's token authentication on, for the whole address."
        return Finding(name, False, f"anybody can download from {address}, without a signature", fix)
    if status not in (401, 403, 410):
        said = f"{status} without a signature, which does not tell whether it is closed"
        return Finding(name, True, f"{address} delivers what is signed, and answers {said}")
    return Finding(name, True, f"{address} delivers what is signed, and answers {status} else")
