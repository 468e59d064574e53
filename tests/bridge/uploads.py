"""The sidecar's own adapter at the real bridge's door, and what may happen on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.adapters.rest_files import RestFiles
from sidecar.adapters.shop import ShopDoor
from sidecar.core.messages import TO_SHOP, Signer, decode_secret

if TYPE_CHECKING:
    from tests.bridge.conftest import Bridge

AS_OF = 1_795_341_600.0  # 2026-11


class Door(ShopDoor):
    """The real door, whose chunks may meet with trouble on their way."""

    def __init__(self, bridge: Bridge, secret: str) -> None:
        self.secret = secret
        signer = Signer(decode_secret(secret), direction=TO_SHOP, site=bridge.shop.url)
        super().__init__(signer, shop_url=bridge.shop.url)
        self.chunks: list[tuple[int, int]] = []  # offset and length of each
        self.trouble: Callable[[dict[str, Any], bytes], Any] = lambda data, body: None

    def send_chunk(self, data: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        self.chunks.append((data["offset"], data["length"]))
        return self.trouble(data, body) or super().send_chunk(data, body)


def at_upsampler(bridge: Bridge) -> str:
    job_id = bridge.job()
    bridge.open(job_id, state="submitted", submission=1, upsampler_id="ups-1")
    return job_id


def made(files: RestFiles, job_id: str, data: bytes) -> tuple[Path, str, str]:
    """A file that is ready to be published: its path, name and digest."""
    incoming = files.incoming(job_id, "claim")
    incoming.write(data)
    incoming.close()
    return incoming.path, files.name(job_id, 4, "png", AS_OF), incoming.sha256


def publish(files: RestFiles, job_id: str, data: bytes, attempt: int = 1) -> str:
    path, name, digest = made(files, job_id, data)
    files.publish(path, name, attempt=attempt, sha256=digest)
    return name


def some(megabytes: float) -> bytes:
    return random.Random(1).randbytes(int(megabytes * (1 << 20)))
