"""Adapter: a thread that works on one piece while its caller prepares the next. Codecs, hashes and the disk release
the interpreter lock, so both run at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue
from typing import Generic, TypeVar

Piece = TypeVar("Piece")


def begun(work: Callable[[Piece], None], *, most: int, name: str) -> Behind[Piece] | None:
    """None where the system has no room for a thread: then the caller does the work."""
    try:
        return Behind(work, most=most, name=name)
    except RuntimeError:
        return None


class Behind(Generic[Piece]):
    """`most`: pieces that may wait. An error of `work` ends the work, and is raised by the next `put` or `end`."""

    def __init__(self, work: Callable[[Piece], None], *, most: int, name: str):
        self._work = work
        self._error: BaseException | None = None
        self._cancelled = False
        self._pieces: Queue[tuple[Piece] | None] = Queue(maxsize=most)
        self._thread: threading.Thread | None = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, piece: Piece) -> None:
        """Add the next piece; blocks while `most` pieces wait. Raises the error of an earlier piece."""
        self._pieces.put((piece,))
        self._check()

    def end(self) -> None:
        """Wait for all pieces. Safe to repeat."""
        self._join()
        self._check()

    def cancel(self) -> None:
        """Drop the pieces that wait, and wait for the one under way. Safe to repeat."""
        self._cancelled = True
        self._join()

    def _join(self) -> None:
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()  # ends: with the None above, after one piece of work
            self._thread = None
            # It is its caller's, as a rule: both would keep their memory until cycles are looked for.
            self._work = _nothing

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (waiting := self._pieces.get()) is not None:  # ends: `end` and `cancel` put None
            if self._cancelled or self._error is not None:
                continue
            try:
                self._work(*waiting)
            except BaseException as error:
                self._error = error


def _nothing(piece: object) -> None:
    pass
