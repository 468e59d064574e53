"""The results of a FakeUpsampler, as SafeFetcher would bring them: sound tiny PNGs, or spoilt as its faults say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sidecar.adapters.fetch import FetchResponse
from sidecar.adapters.upsampler import UpsamplerStatus
from sidecar.core.errors import PermanentError, SidecarError, TemporaryError
from tests.fakes.upsampler import BASE_URL, FakeUpsampler
from tests.images.handmade import Png

URL_LIFE_S = 3 * 3600


@cache
def png(width: int, height: int) -> bytes:
    return bytes(Png(width, height))


class RecordingUpsampler(FakeUpsampler):
    """Remembers when it named a result's address: from then on that address lives its three hours."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.named_at: dict[str, float] = {}

    def status(self, upsampler_id: str) -> UpsamplerStatus:
        answer = super().status(upsampler_id)
        if answer.image_url:
            self.named_at[answer.image_url] = self.now()
        return answer


class FakeFetcher:
    """Same methods as SafeFetcher, for result addresses only.

    Args:
        upsampler: whose results are fetched; the rules `result_…` of its fault board strike here.
        paid_size: imageUrl → width and height of a sound result, px.
    """

    def __init__(self, upsampler: RecordingUpsampler, paid_size: Callable[[str], tuple[int, int]]) -> None:
        self._upsampler = upsampler
        self._paid_size = paid_size
        self.away: SidecarError | None = None
        self.fetched: list[str] = []

    @contextmanager
    def stream(self, url: str, *, max_bytes: int, deadline_s: float, **how: Any) -> Iterator[FetchResponse]:
        self.fetched.append(url)
        if self.away:
            raise self.away
        job = self._upsampler.job(url.removeprefix(f"{BASE_URL}/results/").removesuffix(".png"))
        if job is None or job.result is None or self._upsampler.now() > self._upsampler.named_at[url] + URL_LIFE_S:
            raise PermanentError("result_gone", "HTTP 404")
        occasion = job.next_occasion("result")
        strikes = self._upsampler.faults.strikes(
            "result", image_url=job.image_url, number=job.number, again=job.again, occasion=occasion
        )
        width, height = self._paid_size(job.image_url)
        name = strikes[0].name if strikes else ""
        if name in ("result_404", "result_403"):
            raise PermanentError("result_gone", f"HTTP {name[-3:]}")
        if name == "result_503":
            raise TemporaryError("fetch_unavailable", "HTTP 503", retry_after=2)
        data = _SPOILT.get(name, png)(width, height)
        if name == "result_endless":
            yield FetchResponse(200, None, endless(data, max_bytes))
            return
        length = len(data) * 2 if name == "result_cut" else len(data)
        yield FetchResponse(200, length, self._chunks(data, cut=name == "result_cut"))

    @staticmethod
    def _chunks(data: bytes, *, cut: bool) -> Iterator[bytes]:
        yield data[: len(data) // 2]
        yield data[len(data) // 2 :]
        if cut:
            raise TemporaryError("result_cut", "the connection ended early")

    def close(self) -> None:
        """Nothing is open."""


def endless(data: bytes, max_bytes: int) -> Iterator[bytes]:
    """A file over and over, in large pieces, until it is too large."""
    piece = data * (-(-(1 << 18) // len(data)))
    for _ in range(max_bytes // len(piece)):
        yield piece
    raise PermanentError("result_too_large", f"more than {max_bytes} bytes")


def _truncated(width: int, height: int) -> bytes:
    whole = png(width, height)
    return whole[: len(whole) // 2]


def _flipped(width: int, height: int) -> bytes:
    whole = bytearray(png(width, height))
    whole[len(whole) // 2] ^= 1
    return bytes(whole)


_SPOILT: dict[str, Callable[[int, int], bytes]] = {
    "result_truncated": _truncated,
    "result_cut": _truncated,
    "result_corrupt": _flipped,
    "result_html": lambda width, height: b"<!doctype html><title>Oops</title>" + b" " * 100,
    "result_empty": lambda width, height: b"",
    "result_wrong_dimensions": lambda width, height: png(width // 2, height // 2),
    "result_wrong_format": lambda width, height: b"GIF89a" + bytes(200),
    "result_bomb": lambda width, height: png(width + 99, height),
}
