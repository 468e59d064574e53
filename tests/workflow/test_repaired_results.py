"""A result that a person would call delivered is delivered: repaired, told in the history, never ordered again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters.fetch import FetchResponse
from sidecar.adapters.files import ResultFiles
from sidecar.adapters.images import read_header
from tests.fakes.shop import FakeShop
from tests.images.handmade import Png, scanlines
from tests.workflow.rig import Rig

PAID = (32, 24)
PIXELS = scanlines(*PAID, 24, False)


class OneResult:
    """A fetcher that brings the same bytes, whatever the address."""

    def __init__(self, data: bytes) -> None:
        self.data, self.fetches = data, 0

    @contextmanager
    def stream(self, url: str, *, max_bytes: int, deadline_s: float, **how: Any) -> Iterator[FetchResponse]:
        self.fetches += 1
        yield FetchResponse(200, len(self.data), iter([self.data[:50], self.data[50:]]))


class Listening:
    """A shop's door that remembers what it was sent."""

    def __init__(self, shop: FakeShop) -> None:
        self._shop = shop
        self.heard: list[dict[str, Any]] = []

    def send(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        self.heard += messages
        return self._shop.send(messages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop, name)


def bought(tmp_path: Path, data: bytes, **env: str) -> tuple[Rig, OneResult]:
    """A shop whose customer has paid for 32 x 24 pixels, and to whom Upsampler gives `data`."""
    fetcher = OneResult(data)
    rig = Rig(
        files=ResultFiles(tmp_path / "smi-downloads"),
        wrap=lambda name, part: {"fetcher": fetcher}.get(name) or (Listening(part) if name == "shop" else part),
        **env,
    )
    (tmp_path / "smi-downloads").mkdir()
    rig.buy()
    rig.let_pass(1200)
    return rig, fetcher


def repairs(rig: Rig) -> list[str]:
    """What the history says of it; the shop hears it before it delivers."""
    heard = [message for message in rig.ports.shop.heard if message["type"] in ("job.progress", "job.delivered")]
    histories = [message["data"]["detail"] for message in heard if message["data"].get("event") == "repaired"]
    assert not histories or heard[-1]["type"] == "job.delivered"
    return histories


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bytes(Png(33, 24)), "resized from 33x24 to the 32x24 pixels that were bought"),
        (bytes(Png(30, 26)), "resized from 30x26 to the 32x24 pixels that were bought"),
        (bytes(Png(*PAID)) + b"\r\n", "2 bytes behind its end were cut off"),
        (bytes(Png(*PAID, pixels=PIXELS + b"\0")), "1 bytes among its pixels that are none were left out"),
    ],
)
def test_a_small_flaw_is_repaired_and_told(tmp_path: Path, data: bytes, words: str) -> None:
    rig, fetcher = bought(tmp_path, data)
    assert rig.row().state == "delivered"
    assert (repairs(rig), fetcher.fetches, len(rig.shop.let_through)) == ([words], 1, 1)
    file = next((tmp_path / "smi-downloads").glob("*/*/*.png"))
    info, sound = read_header(file), bytes(Png(*PAID))
    assert (info.width, info.height) == PAID
    assert (rig.row().delivery["bytes"], rig.row().delivery["width"]) == (file.stat().st_size, 32)
    assert file.read_bytes() == sound or "cut off" not in words


@pytest.mark.parametrize(("data", "env"), [(bytes(Png(35, 24)), {}), (bytes(Png(33, 24)), {"SMI_RESULT_OFF_BY": "0"})])
def test_more_than_that_is_another_picture(tmp_path: Path, data: bytes, env: dict[str, str]) -> None:
    rig, _ = bought(tmp_path, data, **env)
    assert (rig.row().state, rig.row().reason) == ("review", "result_wrong_dimensions")
    assert repairs(rig) == []


def test_a_sound_result_tells_of_nothing(tmp_path: Path) -> None:
    rig, _ = bought(tmp_path, bytes(Png(*PAID)))
    assert (rig.row().state, repairs(rig)) == ("delivered", [])
