"""Files that travel through the real bridge's door keep the contract that those in a shared folder keep."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.rest_files import RestFiles
from sidecar.adapters.shop import ShopDoor
from sidecar.core.errors import ConfigurationError
from sidecar.core.messages import TO_SHOP, Signer, decode_secret
from tests.bridge.conftest import SECRET, Bridge
from tests.bridge.uploads import Door
from tests.fakes.files_contract import AS_OF, JPEG, PICTURE, FilesContract, RealFolder, digest, made

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


class ThroughTheDoor(RealFolder):
    """A `FilesUnderTest`."""

    bridge: Bridge

    def job(self, job_id: str) -> str:
        if not self.bridge.ledger(job_id):
            self.bridge.job(job_id=job_id)
            self.bridge.open(job_id, state="submitted", submission=1, upsampler_id="ups-1")
        return job_id


class TestThroughTheDoor(FilesContract):
    @pytest.fixture
    def at(self, bridge: Bridge, files: RestFiles, downloads: Path, tmp_path: Path) -> ThroughTheDoor:
        (tmp_path / "file").write_text("in the way")
        at = ThroughTheDoor(files, downloads, lambda: RestFiles(files._door, tmp_path / "file" / "work"))
        at.bridge = bridge
        return at


@pytest.fixture
def away(tmp_path: Path) -> RestFiles:
    """A shop that is not there: nothing listens at its address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    door = ShopDoor(Signer(decode_secret(SECRET), direction=TO_SHOP, site=url), shop_url=url)
    return RestFiles(door, tmp_path / "work", sleep=lambda seconds: None)


def test_bytes_that_something_stops_before_the_bridge_are_told_before_a_file_is_due(
    bridge: Bridge, files: RestFiles, door: Door
) -> None:
    files.probe()
    door.trouble = lambda chunk, body: (403, {"wall": "a firewall: “No.”"})
    with pytest.raises(ConfigurationError) as caught:
        files.probe()
    assert (caught.value.code, caught.value.detail) == ("shop_walled", "a firewall: “No.”")
    assert files.of_job("probe") == []


NAME = "2026/11/job-1_4x.png"
ASKS: dict[str, Callable[[RestFiles], Any]] = {
    "publish": lambda files: files.publish(made(files, "job-1"), NAME, attempt=1, sha256=digest(PICTURE)),
    "size": lambda files: files.size(NAME),
    "sha256": lambda files: files.sha256(NAME),
    "remove": lambda files: files.remove(NAME),
    "of_job": lambda files: files.of_job("job-1"),
    "stored": lambda files: list(files.stored()),
    "keep_refused": lambda files: files.keep_refused("job-1", 1, JPEG),
    "probe": lambda files: files.probe(),
}


@pytest.mark.parametrize("ask", ASKS)
def test_a_shop_that_is_away_is_told_by_all_that_asks_it(away: RestFiles, ask: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ASKS[ask](away)
    assert caught.value.code == "shop_unreachable"


def test_a_file_is_made_while_the_shop_is_away_and_waits_for_it(away: RestFiles) -> None:
    away.prepare()
    temp = made(away, "job-1")
    with pytest.raises(ConfigurationError):
        away.publish(temp, away.name("job-1", 4, "png", AS_OF), attempt=1, sha256=digest(PICTURE))
    assert away.temps() == [temp] and away.hash_file(temp) == (7, digest(PICTURE))
    away.discard_temps("job-1")
    assert away.temps() == []
