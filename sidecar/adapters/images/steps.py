"""Adapter, images: the skeleton of a push parser whose steps say how many bytes they need.

JPEG and WebP share it; PNG has its own loop, because its chunks may be small and many.
"""

from __future__ import annotations

from collections.abc import Callable

from .formats import MAX_SURPLUS, corrupt

Step = Callable[[bytes], None]


class Steps:
    """Hands to each step exactly the bytes that it asked for, however the stream was cut.

    Memory: at most what a single `want` asks for. A step ends by calling `want` or `skip` for the next one.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = 0
        self._skipped = 0  # bytes still to be thrown away before the next step
        self._step: Step = self.surplus
        self.surplus_bytes = 0

    def want(self, size: int, then: Step) -> None:
        """The next step gets `size` bytes at once."""
        self._wanted, self._step = size, then

    def skip(self, size: int, wanted: int, then: Step) -> None:
        """`size` bytes are passed over, whatever they are; the step after them gets `wanted` bytes."""
        self._skipped = size
        self.want(wanted, then)

    @property
    def at_end(self) -> bool:
        """Whether all steps are done and nothing of a skip is left."""
        return self._step == self.surplus and not self._skipped

    def surplus(self, data: bytes) -> None:
        """The step after the last one, for each byte that follows the end."""
        self.surplus_bytes += 1
        if self.surplus_bytes > MAX_SURPLUS:
            raise corrupt(f"more than {MAX_SURPLUS} bytes follow the end of the image")

    def take(self, data: memoryview, at: int) -> int:
        """One step's worth of `data` from `at` on; returns the position after it."""
        if self._skipped:
            jump = min(self._skipped, len(data) - at)
            self._skipped -= jump
            return at + jump
        piece = data[at : at + self._wanted - len(self._held)]
        self._held += piece
        if len(self._held) == self._wanted:
            whole, self._held = bytes(self._held), bytearray()
            self._step(whole)
        return at + len(piece)
