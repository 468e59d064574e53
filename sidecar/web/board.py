"""Web: how many connections each web process has, in memory that the processes share."""

from __future__ import annotations

import mmap
import struct

_SLOTS = 128  # more than there can be processes; a later process takes the place of one that has gone
_FREE = 0xFFFF


class Board:
    """Made before the processes are forked, and before a supervisor forks gunicorn: it outlives that.

    Each writes its own place; a stale read only affects how evenly connections are shared out.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * _SLOTS)
        self.clear()

    def clear(self) -> None:
        """Nobody is there (yet, or any more: gunicorn may have been killed, and could not take its workers off)."""
        for place in range(_SLOTS):
            self._write(place, _FREE)

    def report(self, place: int, connections: int) -> None:
        """A process has so many connections now. `place`: a number of its own."""
        self._write(place, min(connections, _FREE - 1))

    def leave(self, place: int) -> None:
        """The process has ended: nobody hesitates for it."""
        self._write(place, _FREE)

    def least(self) -> int:
        """Connections of the process that has the fewest."""
        return min(struct.unpack(f"{_SLOTS}H", self._memory))

    def _write(self, place: int, value: int) -> None:
        struct.pack_into("H", self._memory, 2 * (place % _SLOTS), value)


board = Board()
