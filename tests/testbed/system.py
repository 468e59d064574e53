"""The system packages behind the testbed: what is missing, and its installation where that is ours to do.

    python -m tests.testbed.system            # everything
    python -m tests.testbed.system shop redis # some groups only

As root on Debian or Ubuntu the missing packages are installed; their daemons are neither started nor enabled, and what
was installed before is left as it is. Otherwise the missing ones are listed, and the exit status is 1.
Needs the standard library only, so it can run before the project's own packages are there.
"""

import argparse
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

APT = "apt-get"


@dataclass(frozen=True)
class Part:
    """Something the testbed needs: `present()` looks for the thing itself, however it got there."""

    what: str
    packages: tuple[str, ...]  # by preference: the first one that the machine's registry offers
    present: Callable[[], bool]
    units: tuple[str, ...] = ()  # systemd units that the package would start


def find_program(*names: str) -> str | None:
    """Path of the first program found, also in the sbin folders that an ordinary user's PATH leaves out."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def php_fpm() -> str | None:
    """php-fpm of the same version as the `php` command if there is one, else the newest."""
    found = {
        program.name.removeprefix("php-fpm"): str(program)
        for folder in ("/usr/sbin", "/usr/local/sbin")
        for program in Path(folder).glob("php-fpm*")
    }
    if not found:
        return None
    newest = max(found, key=lambda version: [int(n) for n in version.split(".") if n.isdigit()])
    return found.get(_php_version(), found[newest])


def browser() -> str | None:
    """Without the window's own pages, which Chromium opens with each page: a page costs half the processor time."""
    return find_program("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@functools.cache
def _php_version() -> str:
    return _output("php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;")


@functools.cache
def _php_modules() -> frozenset[str]:
    return frozenset(_output("php", "-m").lower().split())


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600).stdout.strip()


def _program(what: str, *packages: str, programs: tuple[str, ...], units: tuple[str, ...] = ()) -> Part:
    return Part(what, packages, lambda: find_program(*programs) is not None, units)


def _php_module(module: str, package: str) -> Part:
    return Part(f"PHP module {module}", (package,), lambda: module in _php_modules())


GROUPS: dict[str, tuple[Part, ...]] = {
    "shop": (
        _program("PHP", "php-cli", programs=("php",)),
        Part("php-fpm", ("php-fpm",), lambda: php_fpm() is not None, ("php*-fpm.service",)),
        _php_module("mysqli", "php-mysql"),
        _php_module("gd", "php-gd"),
        _php_module("curl", "php-curl"),
        _php_module("dom", "php-xml"),
        _php_module("mbstring", "php-mbstring"),
        _php_module("zip", "php-zip"),
        _php_module("intl", "php-intl"),
        _program("MariaDB", "mariadb-server", programs=("mariadbd",), units=("mariadb.service",)),
        _program("nginx", "nginx-light", "nginx", programs=("nginx",), units=("nginx.service",)),
        Part("certificates", ("ca-certificates",), lambda: Path("/etc/ssl/certs/ca-certificates.crt").exists()),
    ),
    "redis": (_program("Redis", "redis-server", programs=("redis-server",), units=("redis-server.service",)),),
    "apache": (
        _program("Apache", "apache2", programs=("apache2",), units=("apache2.service", "apache-htcacheclean.service")),
        Part(
            "Apache's mod_xsendfile",
            ("libapache2-mod-xsendfile",),
            lambda: Path("/usr/lib/apache2/modules/mod_xsendfile.so").exists(),
        ),
    ),
    "browser": (Part("Chromium", ("chromium-headless-shell", "chromium"), lambda: browser() is not None),),
    "php-tests": (
        Part("PHP-Parser", ("php-parser",), lambda: Path("/usr/share/php/PhpParser/autoload.php").exists()),
        _program("PHP_CodeSniffer", "php-codesniffer", programs=("phpcs",)),
    ),
}


def missing(groups: Iterable[str] = GROUPS) -> list[Part]:
    _php_version.cache_clear()
    _php_modules.cache_clear()
    return [part for group in groups for part in GROUPS[group] if not part.present()]


def ensure(groups: Iterable[str] = tuple(GROUPS)) -> bool:
    """Install what is missing if that can be done here. True when everything is there afterwards."""
    absent = missing(groups)
    if not absent:
        return True
    if os.geteuid() != 0 or shutil.which(APT) is None:
        print("These are missing, and only root can install them (Debian's package names):", file=sys.stderr)
        for part in absent:
            print(f"  {part.what}: {part.packages[0]}", file=sys.stderr)
        print(
            "  apt-get install --no-install-recommends " + " ".join(part.packages[0] for part in absent),
            file=sys.stderr,
        )
        return False
    _install(absent)
    for part in (still := missing(groups)):
        print(f"Still missing after the installation: {part.what}", file=sys.stderr)
    return not still


def _install(parts: list[Part]) -> None:
    """Without recommended packages, without questions, and without a daemon started or enabled."""
    # invoke-rc.d starts nothing in runlevel 1, systemctl nothing when told that systemd is offline.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "SYSTEMD_OFFLINE": "1"}
    print("Reading the package lists …", flush=True)
    subprocess.run([APT, "-qq", "update"], env=quiet, check=True, timeout=600)
    packages = [_offered(part) for part in parts]
    print(f"Installing {', '.join(packages)}", flush=True)
    _with_progress([APT, "install", "-y", "-qq", "--no-install-recommends", *packages], quiet)
    units = [unit for part in parts for unit in part.units]
    if units and shutil.which("systemctl"):
        subprocess.run(
            ["systemctl", "disable", *_existing(units)], env=quiet, check=True, capture_output=True, timeout=600
        )


def _offered(part: Part) -> str:
    for package in part.packages:
        if "Candidate: (none)" not in (policy := _output("apt-cache", "policy", package)) and policy:
            return package
    return part.packages[0]  # apt-get's own message about it is the best one


def _existing(patterns: list[str]) -> list[str]:
    folders = (Path("/lib/systemd/system"), Path("/usr/lib/systemd/system"))
    return sorted({unit.name for folder in folders for pattern in patterns for unit in folder.glob(pattern)})


def _with_progress(command: list[str], environment: dict[str, str]) -> None:
    """Run apt-get, showing one line for each tenth of the way; its own output only when it fails."""
    status_reader, status_writer = os.pipe()
    # ends: as apt-get does, which has timeouts of its own; who installs looks on
    with subprocess.Popen(
        [*command, "-o", f"APT::Status-Fd={status_writer}"],
        env=environment,
        pass_fds=[status_writer],
        stdin=subprocess.DEVNULL,
        stdout=(output := _scratch()),
        stderr=subprocess.STDOUT,
    ) as apt:
        os.close(status_writer)
        shown: dict[str, int] = {}
        with open(status_reader, errors="replace") as lines:
            for line in lines:
                kind, _, percent, words = (line.strip().split(":", 3) + ["", "", ""])[:4]
                if kind not in ("dlstatus", "pmstatus") or not percent.replace(".", "").isdigit():
                    continue
                tenth = int(float(percent)) // 10
                if tenth > shown.get(kind, -1):
                    shown[kind] = tenth
                    verb = "download" if kind == "dlstatus" else "install "
                    print(f"  {verb} {tenth * 10:3d} %  {words}", flush=True)
    if apt.returncode:
        output.seek(0)
        sys.stderr.write(output.read())
        raise SystemExit(f"apt-get ended with {apt.returncode}")
    output.close()


def _scratch():
    import tempfile

    return tempfile.TemporaryFile("w+", errors="replace")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.testbed.system", description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of: {', '.join(GROUPS)} (default: all)")
    groups = parser.parse_args().groups or list(GROUPS)
    if unknown := [group for group in groups if group not in GROUPS]:
        parser.error(f"unknown group {unknown[0]}; there are {', '.join(GROUPS)}")
    if not ensure(groups):
        return 1
    print(f"All that {', '.join(groups)} needs is here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
