"""A system that has no room for one more thread, as where a hoster counts them (RLIMIT_NPROC, pids.max)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TOO_LARGE = 1 << 47  # bytes of a stack: all that an address can name here


@contextmanager
def none_left() -> Iterator[None]:
    """In the block no thread of this process can be started: RuntimeError, as by the system's own refusal."""
    before = threading.stack_size(_TOO_LARGE)
    try:
        yield
    finally:
        threading.stack_size(before)
