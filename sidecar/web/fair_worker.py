"""Face: gunicorn's thread worker, with connections shared out evenly.

A kept connection stays with the process that has accepted it. Left to chance, one process gets most of a proxy's
connections and works alone on one CPU while the others have nothing to do: measured, half of the messages a second.
"""

from __future__ import annotations

import errno
import mmap
import struct
import time

from gunicorn.workers.gthread import ThreadWorker

HESITATION_S = 0.001  # so long a process with more connections leaves a new one to the others
_SLOTS = 128  # more than there can be processes; a later process takes the place of one that has gone
_FREE = 0xFFFF


class Board:
    """How many connections each process has, in memory that the processes share. Made before they are forked.

    Each writes its own place; who reads a place a moment too early decides a little worse, and that is all.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * _SLOTS)
        for place in range(_SLOTS):
            self._write(place, _FREE)

    def tell(self, place: int, connections: int) -> None:
        self._write(place, min(connections, _FREE - 1))

    def leave(self, place: int) -> None:
        self._write(place, _FREE)

    def least(self) -> int:
        """Connections of the process that has the fewest."""
        return min(struct.unpack(f"{_SLOTS}H", self._memory))

    def _write(self, place: int, value: int) -> None:
        struct.pack_into("H", self._memory, 2 * (place % _SLOTS), value)


board = Board()


class FairWorker(ThreadWorker):
    """Takes a new connection at once only when no other process has fewer. `age` numbers gunicorn's workers."""

    def notify(self) -> None:
        """Called in each turn of the loop."""
        super().notify()
        board.tell(self.age, self.nr_conns)

    def accept(self, listener) -> None:
        if self.nr_conns > board.least():
            time.sleep(HESITATION_S)  # then it is gone, or nobody else had the time
        super().accept(listener)
        board.tell(self.age, self.nr_conns)

    def handle_request(self, req, conn):
        """A reader who takes nothing for a minute (`download.STALL_S`) has gone. That is no fault to be traced."""
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the reader stood still") from error


def leave(server, worker) -> None:
    """gunicorn's hook `child_exit`: the process is dead, its connections are closed."""
    board.leave(worker.age)
