"""Wait for what must come, and say what was there instead when it does not."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(probe: Callable[[], Found], what: str, timeout: float = 30, every: float = 0.05) -> Found:
    """The first truthy answer of `probe`. Raises TimeoutError, naming `what` and the last answer."""
    deadline = time.monotonic() + timeout
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s; last seen: {found!r}")
        time.sleep(every)
    return found
