"""The wheel holds everything: built twice it has the same bytes, and installed far from the checkout it delivers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pytest
import requests

from tests.testbed import wheel
from tests.testbed.customer import Customer, download_link
from tests.testbed.places import REPOSITORY
from tests.testbed.process import Process
from tests.testbed.whole import Whole

pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return wheel.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def programs(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.install(built[1], tmp_path_factory.mktemp("elsewhere") / "environment")


class Installed(Process):
    """`smi-sidecar run` in a folder that holds `.env` and nothing else."""

    def __init__(self, folder: Path, programs: Path, settings: Mapping[str, str]) -> None:
        super().__init__("installed", folder)
        self._programs, self._port = programs, settings["PORT"]
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def command(self) -> Sequence[str]:
        return [str(self._programs / "smi-sidecar"), "run"]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": f"{self._programs}:{os.environ['PATH']}", "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Whole]:
    with Whole.start(tmp_path / "whole", processes=(), sandbox=["--instant"]) as whole:
        yield whole


def _run(programs: Path, *line: str) -> bytes:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return subprocess.run([*line], cwd=programs, env=env, check=True, capture_output=True, timeout=60).stdout


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_sdist_builds_the_same_wheel_byte_by_byte(built: tuple[Path, Path], tmp_path: Path) -> None:
    """Other folder, other times of files, other umask, no git."""
    sdist, first = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(tmp_path.iterdir())
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
    before = os.umask(0o077)
    try:
        sdist_again, again = wheel.build(tmp_path / "again", source)
    finally:
        os.umask(before)
    assert _hash(again) == _hash(first)
    assert _hash(sdist_again) == _hash(sdist)


def test_the_wheel_holds_what_is_no_python(built: tuple[Path, Path]) -> None:
    names = set(zipfile.ZipFile(built[1]).namelist())
    for folder, inside in (
        ("wp-bridge-plugin/schemas", "schemas"),
        ("deploy", "deploy"),
        ("sidecar/templates", "templates"),
    ):
        files = [path for path in (REPOSITORY / folder).rglob("*") if path.is_file()]
        assert files
        assert {f"sidecar/{inside}/{path.relative_to(REPOSITORY / folder)}" for path in files} <= names
    assert not [name for name in names if "test" in name.lower() or "__pycache__" in name]


def test_the_bridges_zip_comes_out_of_the_wheel(programs: Path) -> None:
    packed = _run(programs, str(programs / "smi-sidecar"), "plugin")
    archive = zipfile.ZipFile(BytesIO(packed))
    assert archive.testzip() is None
    plugin = REPOSITORY / "wp-bridge-plugin"
    expected = {f"smi-bridge/{path.relative_to(plugin)}" for path in plugin.rglob("*") if path.is_file()}
    assert set(archive.namelist()) == expected | {"smi-bridge/LICENSE"}
    assert archive.read("smi-bridge/smi-bridge.php") == (plugin / "smi-bridge.php").read_bytes()


def test_both_names_of_the_command_do_the_same(programs: Path) -> None:
    ours = _run(programs, str(programs / "smi-sidecar"), "settings")
    assert ours == _run(programs, str(programs / "python"), "-m", "sidecar", "settings")
    assert ours.decode() == (REPOSITORY / "deploy" / "env.example").read_text()


@pytest.mark.wordpress
def test_the_installed_wheel_delivers_a_picture(programs: Path, shop: Whole, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sidecar"
    folder.mkdir()
    settings = {**shop.settings(), "PORT": str(shop.sidecar_port)}
    with Installed(folder, programs, settings):
        assert shutil.which("smi-sidecar", path=str(programs))
        customer = Customer(shop.shop, photos)
        job = customer.buy()
        customer.until(job, "delivered")
        answer = requests.get(download_link(customer.mail(job)), timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert str(REPOSITORY) not in (folder / "installed.log").read_text()
