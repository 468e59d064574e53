"""Workflow: an answer that somebody waits for in a web thread. An other side that hangs holds up few, and briefly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ..core.errors import TemporaryError

T = TypeVar("T")


class BriefWait:
    """Asks in threads of its own, so that a wait ends although the other side does not."""

    def __init__(self, name: str, *, at_once: int, code: str, busy: str) -> None:
        """`at_once`: questions of this process, until each was answered or given up; `code`: of the error that says
        that there is no answer yet; `busy`: its words when too many ask."""
        self.places = threading.BoundedSemaphore(at_once)
        self._name, self._code, self._busy = name, code, busy

    def ask(self, question: Callable[[], T], *, wait_s: float) -> T:
        """What `question` returns or raises. Raises TemporaryError when it takes longer, or too many are asking; what
        a late answer leads to is done all the same."""
        if not self.places.acquire(blocking=False):
            raise TemporaryError(self._code, self._busy)
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(question())
            except Exception as error:  # told to whoever waits
                answer.set_exception(error)
            finally:
                self.places.release()

        try:
            threading.Thread(target=run, name=self._name, daemon=True).start()
        except RuntimeError as error:  # no room for one
            self.places.release()
            raise TemporaryError(self._code, str(error)) from error
        try:
            return answer.result(timeout=wait_s)
        except TimeoutError:
            raise TemporaryError(self._code, f"the shop has not answered within {wait_s:g} s") from None
