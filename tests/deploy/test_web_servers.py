"""Web servers understand the snippets as they are shipped. What these do is tried in tests/e2e/test_downloads.py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.testbed.apache import Apache
from tests.testbed.places import REPOSITORY
from tests.testbed.system import find_program

_NGINX = """\
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {upstream};
    server {{
        listen 127.0.0.1:1;
        include {snippet};
    }}
}}
"""


def test_nginx_understands_the_two_snippets(tmp_path: Path) -> None:
    configuration = tmp_path / "nginx.conf"
    deploy = REPOSITORY / "deploy"
    text = _NGINX.format(folder=tmp_path, snippet=deploy / "nginx.conf", upstream=deploy / "nginx-upstream.conf")
    configuration.write_text(text)
    program = find_program("nginx")
    assert program is not None
    # The listening address is opened by the check, too, where the user may: port 1 is nobody's here.
    checked = subprocess.run(
        [program, "-t", "-p", str(tmp_path), "-c", str(configuration), "-e", "stderr"],
        capture_output=True,
        text=True,
        timeout=120,
    )
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
