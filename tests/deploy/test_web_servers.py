"""Web servers understand the snippets as they are shipped. What these do is tried in tests/e2e/test_downloads.py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.testbed.apache import Apache
from tests.testbed.nginx import BareNginx
from tests.testbed.places import REPOSITORY


def test_nginx_understands_the_two_snippets(tmp_path: Path) -> None:
    deploy = REPOSITORY / "deploy"
    # The listening address is opened by the check, too, where the user may: port 1 is nobody's here.
    inside = f"include {deploy}/nginx-upstream.conf; server {{ listen 127.0.0.1:1; include {deploy}/nginx.conf; }}"
    command = BareNginx("nginx", tmp_path, inside, 1).command()
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=120)
    assert "syntax is ok" in checked.stderr
    assert "[warn]" not in checked.stderr.replace('the "user" directive', "")
    assert checked.returncode == 0 or os.geteuid() != 0


def test_apache_understands_the_snippet_without_and_with_its_log_line(tmp_path: Path) -> None:
    shipped = (REPOSITORY / "deploy" / "apache.conf").read_text()
    for text in (shipped, shipped.replace("# CustomLog ${APACHE_LOG_DIR}", f"CustomLog {tmp_path}")):
        server = Apache(tmp_path, tmp_path, 9, text)
        checked = subprocess.run([*server.command()[:-1], "-t"], capture_output=True, text=True, timeout=120)
        assert checked.stderr.strip() == "Syntax OK"
        assert checked.returncode == 0
