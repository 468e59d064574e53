"""The starter of the sidecar's processes, tried on a Procfile of its own, and nginx before it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.testbed.places import reserve_port
from tests.testbed.shop import Shop
from tests.testbed.sidecar import Sidecar

_PROCFILE = """\
# comment
web: python -m http.server --bind 127.0.0.1 --directory "$SERVED" "$PORT"
worker: python -c 'import time; print("working", flush=True); time.sleep(60)'
"""


@pytest.fixture
def procfile(tmp_path: Path) -> Path:
    path = tmp_path / "Procfile"
    path.write_text(_PROCFILE)
    (tmp_path / "healthz").write_text("ok")
    return path


@pytest.fixture
def sidecar(tmp_path: Path, procfile: Path) -> Iterator[Sidecar]:
    with Sidecar.start(tmp_path, {"SERVED": str(tmp_path)}, ("web", "worker"), procfile=procfile) as sidecar:
        yield sidecar


def test_processes_of_a_procfile_start_with_their_port_and_environment(sidecar: Sidecar) -> None:
    assert "GET /healthz" in sidecar.log("web")
    assert sidecar.process("worker").running


def test_one_process_dies_and_the_others_go_on(sidecar: Sidecar) -> None:
    web = sidecar.process("web").pid
    sidecar.kill("worker")
    assert not sidecar.process("worker").running
    sidecar.restart("worker")
    assert sidecar.process("worker").running
    assert sidecar.process("web").pid == web


def test_a_snippet_adds_a_proxy_and_an_internal_location(
    shop_factory: Callable[..., Shop], tmp_path: Path, procfile: Path
) -> None:
    port = reserve_port()
    snippet = tmp_path / "snippet.conf"
    snippet.write_text(
        f"location /smi/ {{ proxy_pass http://127.0.0.1:{port}/; }}\n"
        f"location /smi-internal/ {{ internal; alias {tmp_path}/; }}\n"
    )
    with (
        Sidecar.start(tmp_path, {"SERVED": str(tmp_path)}, ["web"], port=port, procfile=procfile),
        shop_factory(nginx_snippet=snippet) as shop,
    ):
        assert shop.http.get(f"{shop.url}/smi/healthz", timeout=30).text == "ok"
        assert shop.http.get(f"{shop.url}/smi-internal/healthz", timeout=30).status_code == 404
        assert shop.http.get(f"{shop.url}/wp-json/", timeout=30).status_code == 200
