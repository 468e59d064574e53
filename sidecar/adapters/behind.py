"""Adapter: work that a thread does, piece by piece and in order, while its caller prepares the next piece: codecs, hash
and disk leave the interpreter to each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue
from typing import Generic, TypeVar

Piece = TypeVar("Piece")


class Behind(Generic[Piece]):
    """`most`: pieces that may wait. What `work` raises, a later `put` or `end` raises; nothing is done after it."""

    def __init__(self, work: Callable[[Piece], None], *, most: int, name: str):
        self._work = work
        self._error: BaseException | None = None
        self._cancelled = False
        self._pieces: Queue[tuple[Piece] | None] = Queue(maxsize=most)
        self._thread: threading.Thread | None = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, piece: Piece) -> None:
        """The next piece; waits while `most` of them wait. Raises what `work` has raised with an earlier one."""
        self._pieces.put((piece,))
        self._check()

    def end(self) -> None:
        """All is done when this returns. Safe to repeat."""
        self._join()
        self._check()

    def cancel(self) -> None:
        """What waits is not done; nothing is under way when this returns. Safe to repeat."""
        self._cancelled = True
        self._join()

    def _join(self) -> None:
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()  # ends: with the None above, after one piece of work
            self._thread = None

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
