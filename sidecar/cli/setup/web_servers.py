"""Setup: which web server serves the shop, by which file, and where in it the sidecar's lines belong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .machine import Machine

_SITES = {
    "nginx": (("/etc/nginx/sites-enabled", "*"), ("/etc/nginx/conf.d", "*.conf"), ("/etc/nginx", "nginx.conf")),
    "apache": (("/etc/apache2/sites-enabled", "*"), ("/etc/httpd/conf.d", "*.conf")),  # Debian's, Red Hat's
}
_NAMES = {
    "nginx": re.compile(r"(?:^|[\s;{}])server_name\s+([^;{}]+);"),
    "apache": re.compile(r"^[ \t]*Server(?:Name|Alias)[ \t]+(.+)$", re.M | re.I),
}
_BLOCKS = {"nginx": re.compile(r"[{}]"), "apache": re.compile(r"^[ \t]*<(/?)VirtualHost\b", re.M | re.I)}
_PROGRAMS = (("nginx", "nginx"), ("apache", "apache2"), ("apache", "httpd"))
_INCLUDED = re.compile(r"(?:^|[\s;{}])include\s+\S*smi-sidecar\.conf", re.M | re.I)
_NO_SIGNS = {  # and texts in quotes, in which the sign of a comment is none
    "nginx": re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?<![^\s;{}])#[^\n]*"),
    "apache": re.compile(r"^[ \t]*#[^\n]*", re.M),
}


@dataclass(frozen=True)
class Spot:
    """Where the sidecar's lines belong: behind line `line`; `part` > 0: within it, behind its `part`th semicolon."""

    line: int
    part: int = 0


@dataclass(frozen=True)
class Site:
    """`server`: nginx, apache or "". `file`: of the shop's site, "" where none names it. `spots`: one in each of its
    blocks."""

    server: str = ""
    file: str = ""
    spots: tuple[Spot, ...] = ()
    is_included: bool = False


def find_site(machine: Machine, host: str, wished: str) -> Site:
    """The site that serves `host`, best by its own name; `wished`: a web server, none, or "" for the ones that are
    here."""
    if wished == "none":
        return Site()
    here = [server for server, program in _PROGRAMS if machine.has_program(program)]
    for server in [wished] if wished in _SITES else here:
        for is_named in (_is, _covers):
            for folder, pattern in _SITES[server]:
                for file in machine.files(folder, pattern):
                    text = machine.read(file)
                    if spots := _spots(server, text, host, is_named):
                        return Site(server, file, spots, bool(_INCLUDED.search(_bare(server, text))))
    return Site(wished or (here[0] if here else ""))


def _bare(server: str, text: str) -> str:
    """Without comments, and of the same length; signs in quotes are none."""

    def blank(found: re.Match[str]) -> str:
        is_comment = found[0].lstrip().startswith("#")
        return re.sub(r"[^\n]", " ", found[0]) if is_comment else re.sub(r"[{};]", "_", found[0])

    return _NO_SIGNS[server].sub(blank, text)


def _spots(server: str, text: str, host: str, is_named: Callable[[str, str], bool]) -> tuple[Spot, ...]:
    """Behind the first directive of each block that names the host; the last ones of a line first, so that none of them
    moves what another one counts."""
    bare = _bare(server, text)
    found: dict[int, Spot] = {}
    for names in _NAMES[server].finditer(bare):
        if any(is_named(_plain(name), host) for name in names[1].lower().split()):
            found.setdefault(_block(server, bare, names.start(1)), _spot(server, text, bare, names.end()))
    return tuple(sorted(found.values(), key=lambda spot: (spot.line, -spot.part)))


def _plain(name: str) -> str:
    """Without quotes, scheme and port."""
    return re.sub(r"^[a-z]+://|:\d+$", "", name.strip("\"'"))


def _is(name: str, host: str) -> bool:
    return name == host


def _covers(name: str, host: str) -> bool:
    """A name for a whole domain."""
    return name.startswith((".", "*.")) and f".{host}".endswith(name.lstrip("*")) and name != f"*.{host}"


def _block(server: str, bare: str, position: int) -> int:
    """Where the block around a position begins; -1 outside of all."""
    open_at: list[int] = []
    for sign in _BLOCKS[server].finditer(bare, 0, position):
        if "}" in sign[0] or "/" in sign[0]:
            open_at = open_at[:-1]
        else:
            open_at.append(sign.start())
    return open_at[-1] if open_at else -1


def _spot(server: str, text: str, bare: str, end: int) -> Spot:
    begin = text.rfind("\n", 0, end) + 1
    line, rest = text.count("\n", 0, end) + 1, bare[end:].partition("\n")[0]
    return Spot(line, text.count(";", begin, end) if server == "nginx" and rest.strip() else 0)


def sed(site: Site, line: str) -> str:
    """The arguments of sed that put `line` into each of the site's blocks."""
    return " ".join(
        rf"-e '{spot.line}s|;|;\n    {line}\n|{spot.part}'" if spot.part else rf"-e '{spot.line}a\    {line}'"
        for spot in site.spots
    )
