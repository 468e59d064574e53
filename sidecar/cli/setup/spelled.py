"""Setup: paths as systemd, nginx, Apache and a shell read them. One with a blank in it would be two, or a fault."""

from __future__ import annotations

import re
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_./@:+,-]+")


def for_systemd(path: str | Path) -> str:
    """A word of a unit (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers")."""
    return _quoted(str(path).replace("%", "%%"))


def for_exec_argument(path: str | Path) -> str:
    """An argument behind the program of ExecStart=: there a dollar names a variable (systemd.service(5), "Command
    lines")."""
    return _quoted(str(path).replace("%", "%%").replace("$", "$$"))


def for_nginx(path: str | Path) -> str:
    """A parameter of a directive."""
    return _quoted(str(path))


def for_apache(path: str | Path) -> str:
    """What stands between the quotes of a directive."""
    return re.sub(r'(["\\])', r"\\\1", str(path))


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else '"' + for_apache(text) + '"'
