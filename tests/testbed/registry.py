"""Debian packages of another release than the machine's own, unpacked into a folder, never installed.

The mirror is the one in the machine's own apt sources; lists and caches are private folders, so root is not needed.
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

_RELEASES = ("bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable")
# Without it, apt trusts the keys that the machine trusts for every source.
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NoMirror(RuntimeError):
    """The machine's apt sources name no mirror of Debian."""


def debian_mirror(scratch: Path) -> str:
    """The mirror in the machine's apt sources, or the one in SMI_TESTBED_DEBIAN_MIRROR. Raises NoMirror."""
    if given := os.environ.get("SMI_TESTBED_DEBIAN_MIRROR"):
        return given
    found = _sources([])
    if not found:
        # A machine that never ran `apt-get update` names no source: read the lists into a folder of ours.
        private = _private_folders(scratch / "own")
        subprocess.run(["apt-get", "-qq", *private, "update"], check=True, timeout=600)
        found = _sources(private)
    for address, release in found:
        if release in _RELEASES:
            return address
    raise NoMirror(
        "WordPress comes from Debian's packages, and this machine's apt sources name no Debian mirror; "
        "name one in SMI_TESTBED_DEBIAN_MIRROR"
    )


def _sources(options: list[str]) -> list[list[str]]:
    command = ["apt-get", *options, "indextargets", "--format", "$(SITE)|$(RELEASE)"]
    listed = subprocess.run(
        [*command, "Created-By: Packages", "Component: main"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    return [line.split("|") for line in listed.stdout.splitlines()]


def _private_folders(scratch: Path) -> list[str]:
    for folder in ("lists/partial", "archives/partial"):
        (scratch / folder).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def unpack(release: str, packages: Iterable[str], target: Path, scratch: Path) -> None:
    """Download `packages` of `release` (e.g. "sid") and unpack them into `target`.

    Raises NoMirror, or subprocess.CalledProcessError with apt's own words on the standard error stream.
    """
    mirror = debian_mirror(scratch)
    source = scratch / "sources.list"
    options = [
        *_private_folders(scratch),
        *("-o", f"Dir::Etc::sourcelist={source}"),
        *("-o", "Dir::Etc::sourceparts=/dev/null"),
        *("-o", "Dir::Etc::preferencesparts=/dev/null"),
    ]
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    source.write_text(f"deb {signed}{mirror} {release} main\n")
    subprocess.run(["apt-get", "-qq", *options, "update"], check=True, timeout=600)
    subprocess.run(["apt-get", "-qq", *options, "download", *packages], check=True, cwd=scratch, timeout=600)
    for package in sorted(scratch.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(target)], check=True, timeout=600)
