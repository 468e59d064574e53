"""Caches that appear whole, ports that nobody else gets."""

import multiprocessing
import socket
import time
from pathlib import Path

import pytest

from tests.testbed.places import built_once, release_port, reserve_port


def _build_slowly(target: Path, diary: Path) -> None:
    def build(draft: Path) -> None:
        with open(diary, "a") as pages:
            pages.write("built\n")
        (draft / "first").touch()
        time.sleep(0.2)  # long enough that the others ask in the meantime
        (draft / "second").touch()

    made = built_once(target, build)
    assert sorted(entry.name for entry in made.iterdir()) == ["first", "second"]


def test_what_several_processes_ask_for_at_once_is_built_once(tmp_path: Path) -> None:
    target, diary = tmp_path / "cache" / "thing", tmp_path / "diary"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_build_slowly, args=(target, diary)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert diary.read_text() == "built\n"


def test_a_build_that_fails_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    target = tmp_path / "thing"

    def fail(draft: Path) -> None:
        (draft / "half").touch()
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        built_once(target, fail)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thing.lock"]
    assert built_once(target, lambda draft: (draft / "whole").touch()) == target
    assert (target / "whole").exists()


def _reserve(answers: "multiprocessing.Queue[int]", count: int) -> None:
    for _ in range(count):
        answers.put(reserve_port())


def test_a_reserved_port_can_be_listened_on_and_is_reserved_once() -> None:
    ports = [reserve_port() for _ in range(20)]
    try:
        assert len(set(ports)) == 20
        with socket.socket() as server:
            server.bind(("127.0.0.1", ports[0]))
    finally:
        for port in ports:
            release_port(port)


def test_two_processes_never_reserve_the_same_port() -> None:
    ours = {reserve_port() for _ in range(50)}
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    other = context.Process(target=_reserve, args=(answers, 50))
    other.start()
    theirs = {answers.get(timeout=30) for _ in range(50)}
    other.join(30)
    answers.close()
    for port in ours:
        release_port(port)
    assert len(theirs) == 50
    assert not ours & theirs
