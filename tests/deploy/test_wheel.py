"""The wheel holds everything: built twice it has the same bytes, and installed far from the checkout it delivers."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

import hatch_build
from tests.testbed import first_hour, wheel
from tests.testbed.customer import Customer
from tests.testbed.places import REPOSITORY
from tests.testbed.whole import Whole

pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> wheel.Built:
    return wheel.make_dist(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def programs(built: wheel.Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.install(built.wheel, tmp_path_factory.mktemp("elsewhere") / "environment")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Whole]:
    """The bridge is active, and knows no sidecar."""
    with Whole.start(tmp_path / "whole", processes=(), sandbox=["--instant"], connected=False) as whole:
        yield whole


def _run(programs: Path, *line: str) -> bytes:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return subprocess.run([*line], cwd=programs, env=env, check=True, capture_output=True, timeout=60).stdout


def test_the_sdist_makes_the_same_three_files_byte_by_byte(built: wheel.Built, tmp_path: Path) -> None:
    """Other folder, other times of files, other umask, no git."""
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    source = next((tmp_path / "source").iterdir())
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
    before = os.umask(0o077)
    try:
        again = wheel.build(tmp_path / "again", source, hatch_build.epoch())
    finally:
        os.umask(before)
    assert again.bytes() == built.bytes()


def test_the_wheel_holds_what_is_no_python(built: wheel.Built) -> None:
    names = set(zipfile.ZipFile(built.wheel).namelist())
    for folder, inside, kind in (
        ("wp-bridge-plugin/schemas", "schemas", "*"),
        ("wp-bridge-plugin/languages", "languages", "*.mo"),
        ("deploy", "deploy", "*"),
        ("sidecar/templates", "templates", "*"),
    ):
        files = [path for path in (REPOSITORY / folder).rglob(kind) if path.is_file()]
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
def test_from_the_wheel_to_a_delivered_picture_by_setup_alone(
    programs: Path, shop: Whole, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "sidecar"
    folder.mkdir()
    first = first_hour.setup(shop, folder, programs, *first_hour.first_flags(shop))
    assert first.returncode == 0, first.stdout + first.stderr
    assert "The sidecar does not run yet" in first.stdout and "smi-sidecar run" in first.stdout
    assert shop.shop.option("smi_bridge_sidecar_url") == "", "nobody is sent to a sidecar that does not run"
    with first_hour.Installed(folder, programs, shop.sidecar_port):
        second = first_hour.setup(shop, folder, programs)
        assert f"The bridge reaches the sidecar at http://127.0.0.1:{shop.sidecar_port}." in second.stdout
        assert [line for line in second.stdout.splitlines() if line.startswith(("FAIL", "?"))] == [], second.stdout
        assert second.returncode == 0, second.stdout + second.stderr
        customer = Customer(shop.shop, photos)
        customer.until(customer.buy(), "delivered")
    assert str(REPOSITORY) not in (folder / "installed.log").read_text()
    assert str(REPOSITORY) not in first.stdout + second.stdout
