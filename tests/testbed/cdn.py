"""An nginx as a CDN and an nginx as its origin, both by the files of deploy/, adjusted as their first lines tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.nginx import BareNginx
from tests.testbed.places import REPOSITORY, reserve_port

LINK_KEY, ORIGIN_KEY = "the key of the links, for this test", "the key of the origin, for this test"
_UPLOADS = "/var/www/html/wp-content/uploads"


@dataclass
class Servers:
    """`uploads`: the folder behind the origin. `origin` also serves the finished files openly, at `open_url`."""

    uploads: Path
    origin: BareNginx
    cdn: BareNginx

    @property
    def url(self) -> str:
        return self.cdn.url

    @property
    def open_url(self) -> str:
        return f"{self.origin.url}/open"


@contextmanager
def servers(folder: Path, uploads: Path, origin: str = "") -> Iterator[Servers]:
    """`origin`: the address of a shop that lets the CDN in by itself; "": the web server does."""
    shop = snippet("nginx.conf", **{_UPLOADS: str(uploads)}) + snippet("nginx-origin.conf", **{_UPLOADS: str(uploads)})
    root = folder / "root"
    (root / "wp-content").mkdir(parents=True)
    (root / "wp-content" / "uploads").symlink_to(uploads)
    port, upstream = reserve_port(), (REPOSITORY / "deploy" / "nginx-upstream.conf").read_text()
    server = f"server {{ listen 127.0.0.1:{port}; root {root}; {shop} location ~* \\.png$ {{ expires 1d; }} "
    server += f"location /open/ {{ alias {uploads}/smi-downloads/; }} }}"
    with (
        BareNginx("origin", folder / "origin", upstream + server, port) as before,
        BareNginx("cdn", folder / "cdn", *_at_the_cdn(folder, origin or before.url)) as cdn,
    ):
        yield Servers(uploads, before, cdn)


def _at_the_cdn(folder: Path, origin: str) -> tuple[str, int]:
    port = reserve_port()
    changes = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "ssl_certificate /etc/ssl/cdn.shop.example.pem;": "",
        "ssl_certificate_key /etc/ssl/cdn.shop.example.key;": "",
        "https://shop.example/": f"{origin}/",
        "/var/cache/nginx/smi": str(folder / "cache"),
    }
    return snippet("nginx-cdn.conf", **changes), port


def snippet(name: str, **changes: str) -> str:
    """A file of deploy/, adjusted as its first lines tell an admin."""
    text = (REPOSITORY / "deploy" / name).read_text()
    keys = {"replace-this-key-of-the-cdn": LINK_KEY, "replace-this-key-of-the-origin": ORIGIN_KEY}
    for what, to in (keys | changes).items():
        assert what in text or what in keys, what
        text = text.replace(what, to)
    return text
