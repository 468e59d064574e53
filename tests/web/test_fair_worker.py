"""Connections are shared out evenly among the web's processes: a kept one stays where it was accepted."""

from __future__ import annotations

import pytest

from sidecar.web import fair_worker, gunicorn_conf
from sidecar.web.board import Board
from sidecar.web.fair_worker import FairWorker


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    board = Board()
    monkeypatch.setattr(fair_worker, "board", board)
    return board


def test_the_least_is_that_of_the_processes_that_live(board: Board) -> None:
    board.report(1, 5)
    board.report(2, 3)
    assert board.least() == 3
    board.leave(2)
    assert board.least() == 5


def test_what_a_gunicorn_that_was_killed_has_left_there_counts_for_nothing(board: Board) -> None:
    """It took nobody off. The memory is its supervisor's, and the next one counts its processes from 1 again."""
    board.report(7, 0)
    gunicorn_conf.on_starting(None)
    board.report(1, 3)
    assert board.least() == 3


@pytest.mark.parametrize(("mine", "hesitates"), [(2, False), (3, False), (4, True)])
def test_a_process_hesitates_only_while_another_has_fewer(
    board: Board, monkeypatch: pytest.MonkeyPatch, mine: int, hesitates: bool
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fair_worker.time, "sleep", slept.append)
    monkeypatch.setattr(fair_worker.ThreadWorker, "accept", lambda worker, listener: None)
    board.report(1, 3)
    worker = FairWorker.__new__(FairWorker)
    worker.age, worker.nr_conns, worker.worker_connections = 2, mine, 400
    worker.accept(None)
    assert bool(slept) == hesitates
