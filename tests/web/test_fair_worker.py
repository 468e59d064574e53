"""Connections are shared out evenly among the web's processes: a kept one stays where it was accepted."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from sidecar.web import fair_worker
from sidecar.web.fair_worker import Board, FairWorker


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    board = Board()
    monkeypatch.setattr(fair_worker, "board", board)
    return board


def test_the_least_is_that_of_the_processes_that_live(board: Board) -> None:
    board.tell(1, 5)
    board.tell(2, 3)
    assert board.least() == 3
    board.leave(2)
    assert board.least() == 5


@pytest.mark.parametrize(("mine", "hesitates"), [(2, False), (3, False), (4, True)])
def test_a_process_hesitates_only_while_another_has_fewer(
    board: Board, monkeypatch: pytest.MonkeyPatch, mine: int, hesitates: bool
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fair_worker.time, "sleep", slept.append)
    monkeypatch.setattr(fair_worker.ThreadWorker, "accept", lambda worker, listener: None)
    board.tell(1, 3)
    worker = FairWorker.__new__(FairWorker)
    worker.age, worker.nr_conns = 2, mine
    worker.accept(None)
    assert bool(slept) == hesitates


def test_a_reader_who_stands_still_counts_as_one_who_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """gunicorn writes a traceback for any other fault of a socket."""

    def stalls(*_: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(fair_worker.ThreadWorker, "handle_request", stalls)
    with pytest.raises(OSError) as caught:
        FairWorker.__new__(FairWorker).handle_request(None, None)
    assert caught.value.errno == errno.ECONNRESET
