"""One web process for all attacks that leave it whole, and each web server before it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.rig import Doors
from tests.testbed.redis_server import RedisServer


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("doors"))


@pytest.fixture(scope="session")
def doors() -> Iterator[Doors]:
    """Its folder can be read by everybody: Apache never reads as root."""
    with tempfile.TemporaryDirectory(prefix="smi-doors-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "redis").mkdir()
        with RedisServer(folder / "redis") as redis, Doors(folder, redis) as doors:
            yield doors


@pytest.fixture(scope="session")
def public(doors: Doors) -> Iterator[dict[str, str]]:
    """The public address by web server: `sidecar` is the web process itself."""
    folders = {name: doors.folder / name for name in ("nginx", "apache")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    with doors.nginx(folders["nginx"]) as nginx, doors.apache(folders["apache"]) as apache:
        yield {
            "sidecar": doors.sidecar.url,
            "nginx": f"http://127.0.0.1:{nginx.port}/smi",
            "apache": f"{apache.url}/smi",
        }


@pytest.fixture(params=["sidecar", "nginx", "apache"])
def server(request: pytest.FixtureRequest) -> str:
    return request.param
