"""Web servers understand the snippets as they are shipped. What these do is tried in tests/e2e/test_downloads.py."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.testbed.apache import Apache
from tests.testbed.cdn import ORIGIN_KEY, snippet
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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """For everybody to read: Apache never reads as root."""
    with tempfile.TemporaryDirectory(prefix="smi-apache-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_apache_lets_nobody_but_the_cdn_fetch_finished_files(open_folder: Path) -> None:
    """On plain hosting: by a .htaccess only."""
    files = open_folder / "root" / "smi-downloads"
    names = ("2026/11/job-1_4x.png", "cdn/1.txt")
    closed = (".htaccess", ".incoming/job-1.part", ".refused/job-1.1.jpg", "2026/11/x.php", "index.html", "")
    for name in (*names, *filter(None, closed)):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(f"the bytes of {name}")
    (files / ".htaccess").write_text(snippet("origin.htaccess"))
    ours, guessed = {"Smi-Origin-Key": ORIGIN_KEY}, {"Smi-Origin-Key": "guessed"}
    with Apache(open_folder, open_folder / "root", 9) as server:

        def asked(name: str, headers: dict[str, str], **how: str) -> requests.Response:
            return requests.get(f"{server.url}/smi-downloads/{name}", headers=headers | how, timeout=10)

        for name in names:
            assert asked(name, ours).text == f"the bytes of {name}"
            assert asked(name, ours).headers["Cache-Control"] == "max-age=300"
            assert (asked(name, ours, Range="bytes=0-2").status_code, asked(name, guessed).status_code) == (206, 403)
            assert asked(name, {}).status_code == 403
        assert {asked(name, ours).status_code for name in closed} == {403}
