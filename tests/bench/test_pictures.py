"""The huge picture is put together from repeated bands: its checksum must come out right."""

from __future__ import annotations

import zlib

import pytest

from bench.pictures import _adler_after


@pytest.mark.parametrize(
    ("first", "second"), [(b"", b"abc"), (b"abc", b""), (b"\xff" * 70000, bytes(range(256)) * 300)]
)
def test_the_checksum_of_two_pieces_is_that_of_both_together(first: bytes, second: bytes) -> None:
    assert _adler_after(zlib.adler32(first), zlib.adler32(second), len(second)) == zlib.adler32(first + second)
