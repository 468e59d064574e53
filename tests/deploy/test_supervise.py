"""`run` keeps processes alive, gives up one that can't be, and ends all in good order."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from tests.testbed.places import REPOSITORY
from tests.testbed.waiting import wait_for

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_RUN = """
import sys
import os
from sidecar.cli.supervise import Patience, Supervisor
def shell(script):
    return lambda: os.execv("/bin/sh", ["/bin/sh", "-c", script])
pause_s, lived_s, most = map(float, sys.argv[1:4])
programs = {str(at): shell(script) for at, script in enumerate(sys.argv[4:])}
patience = Patience(pause_s=pause_s, longest_s=16 * pause_s, lived_s=lived_s, most=most)
sys.exit(Supervisor(programs, last="0", patience=dict.fromkeys(programs, patience)).run())
"""


def _with_a_terminal() -> None:
    """As if the tests themselves had not been begun with nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Run:
    """A supervisor of shell scripts in a process of its own."""

    def __init__(
        self,
        folder: Path,
        *scripts: str,
        pause_s: float = 0.05,
        lived_s: float = 60,
        most: float = 3,
        before: Callable[[], object] | None = None,
    ) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN, str(pause_s), str(lived_s), str(most), *scripts],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=before or _with_a_terminal,
            )

    def said(self, word: str) -> int:
        return self.output.read_text().count(word)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)


def _pid(file: Path) -> int:
    return wait_for(lambda: file.exists() and file.read_text().strip() and int(file.read_text()), f"{file} has a pid")


# What writes its pid has said its word: whoever has read the pid may kill it.
STAY = "echo stays; echo $$ > stay; exec sleep 60"
DIES = "echo begun; echo $$ > dies; exec sleep 60"


def test_one_that_dies_is_started_again_and_the_others_do_not_notice(tmp_path: Path) -> None:
    with Run(tmp_path, STAY, DIES) as run:
        wait_for(lambda: run.said("begun") == 1, "it has begun")
        stays, dies = _pid(tmp_path / "stay"), _pid(tmp_path / "dies")
        os.kill(dies, signal.SIGKILL)
        wait_for(lambda: run.said("begun") == 2, "it has begun again")
        assert run.said("stays") == 1
        assert run.said("run.died") == 1
        assert _pid(tmp_path / "stay") == stays
        assert run.end() == 0


def test_one_that_cant_be_kept_alive_ends_all_with_its_error(tmp_path: Path) -> None:
    with Run(tmp_path, STAY, "while [ ! -s stay ]; do sleep 0.01; done; echo begun; exit 7") as run:
        assert run.process.wait(20) == 7
        assert run.said("begun") == 3
        assert run.said("run.hopeless") == 1
        assert not _lives(_pid(tmp_path / "stay"))


def test_a_program_of_ours_ends_on_its_own_way_out(tmp_path: Path) -> None:
    """With its exit status, and what is to be done at the end of a process; the supervisor's end is not its."""
    program = """
import atexit, os, sys
from sidecar.cli.supervise import Patience, Supervisor
def one():
    atexit.register(print, "at the end of", os.getpid() == supervisor, flush=True)
    assert sys.exc_info() == (None, None, None)
    return 5
supervisor = os.getpid()
sys.exit(Supervisor({"one": one}, patience={"one": Patience(most=1)}).run())
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (5, "")
    assert [line for line in ended.stdout.splitlines() if "at the end" in line] == ["at the end of False"]


def test_one_that_is_missed_is_never_given_up(tmp_path: Path) -> None:
    with Run(tmp_path, STAY, "echo begun; exit 1", most=inf) as run:
        wait_for(lambda: run.said("begun") > 6, "it is started each time")
        assert run.end() == 0


def test_the_pauses_grow(tmp_path: Path) -> None:
    began = time.monotonic()
    with Run(tmp_path, STAY, "exit 1", pause_s=0.4) as run:
        assert run.process.wait(20) == 1
    assert time.monotonic() - began > 0.4 + 0.8


def test_one_that_has_lived_for_long_is_never_given_up(tmp_path: Path) -> None:
    with Run(tmp_path, STAY, "echo begun; sleep 0.1; exit 1", lived_s=0.05) as run:
        wait_for(lambda: run.said("begun") > 4, "it is started each time")
        assert run.end() == 0


def test_a_faulty_configuration_is_not_tried_again(tmp_path: Path) -> None:
    with Run(tmp_path, STAY, "echo begun; exit 2") as run:
        assert run.process.wait(20) == 2
        assert run.said("begun") == 1


def test_whoever_has_started_it_may_ignore_the_end_of_children(tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    with Run(tmp_path, STAY, "echo begun; exit 7", before=ignore) as run:
        assert run.process.wait(20) == 7
        assert run.said("begun") == 3


def test_without_room_for_a_process_the_others_go_on_until_there_is(tmp_path: Path) -> None:
    """A user's limit of processes, which the kernel does not hold against root."""
    program = """
import os, resource, signal, sys
from sidecar.cli.supervise import Patience, Supervisor
most, hard = resource.getrlimit(resource.RLIMIT_NPROC)
for number, limit in ((signal.SIGUSR1, 0), (signal.SIGUSR2, most)):
    signal.signal(number, lambda *_, limit=limit: resource.setrlimit(resource.RLIMIT_NPROC, (limit, hard)))
if os.getuid() == 0:
    os.setuid(65534)
def sleep(word):
    print(word, os.getpid(), flush=True)
    os.execv("/bin/sleep", ["sleep", "60"])
programs = {"stays": lambda: sleep("stays"), "dies": lambda: sleep("begun")}
sys.exit(Supervisor(programs, patience=dict.fromkeys(programs, Patience(pause_s=0.05))).run())
"""
    output = tmp_path / "output"
    with output.open("wb") as file:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", program]
        process = subprocess.Popen(command, env=environment, cwd="/", stdout=file, stderr=subprocess.STDOUT)
    try:
        dies = wait_for(lambda: re.search(r"begun (\d+)", output.read_text()), "it has begun")
        process.send_signal(signal.SIGUSR1)
        os.kill(int(dies[1]), signal.SIGKILL)
        wait_for(lambda: output.read_text().count("run.no_room") > 1, "it is tried again")
        process.send_signal(signal.SIGUSR2)
        wait_for(lambda: output.read_text().count("begun") == 2, "it has begun again")
        assert output.read_text().count("stays") == 1
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_goes_last(number: int, tmp_path: Path) -> None:
    """The store: the others still write while they end."""
    first = "trap 'echo first-asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    other = "trap 'sleep 0.3; echo other-done; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with Run(tmp_path, first, other) as run:
        wait_for(lambda: run.said("ready") == 2, "both run")
        assert run.end(number) == 0
        assert run.output.read_text().split()[-2:] == ["other-done", "first-asked"]


def test_a_closed_terminal_ends_all_in_good_order(tmp_path: Path) -> None:
    """The kernel tells the terminal's foreground; what is written there by then goes nowhere."""
    first = "trap 'echo first-asked >> told; exit 0' TERM; echo $$ > first; while :; do sleep 0.05; done"
    end = "echo said; sleep 0.3; echo other-done >> told; exit 0"
    other = f"trap '{end}' TERM; echo $$ > other; while :; do sleep 0.05; done"
    ours, theirs = os.openpty()

    def sit_down() -> None:
        _with_a_terminal()
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        for number in (0, 1, 2):
            os.dup2(theirs, number)

    with Run(tmp_path, first, other, before=sit_down) as run:
        os.close(theirs)
        children = [_pid(tmp_path / name) for name in ("first", "other")]
        os.close(ours)
        assert run.process.wait(20) == 0
        assert (tmp_path / "told").read_text().split() == ["other-done", "first-asked"]
        assert not any(map(_lives, children))


def test_a_closed_terminal_ends_nothing_that_was_begun_with_nohup(tmp_path: Path) -> None:
    def deafen() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with Run(tmp_path, STAY, DIES, before=deafen) as run:
        dies = _pid(tmp_path / "dies")
        run.process.send_signal(signal.SIGHUP)
        os.kill(dies, signal.SIGKILL)
        wait_for(lambda: run.said("begun") == 2, "it goes on")
        assert run.said("stays") == 1
        assert run.end() == 0


def test_what_has_lost_its_parent_leaves_no_zombie(tmp_path: Path) -> None:
    """As the first process of a container the supervisor gets all that were left behind."""

    def adopt() -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)

    orphan = "setsid sh -c 'echo $$ > orphan; while [ ! -e go ]; do sleep 0.02; done'"
    parent = f"({orphan} & while :; do sleep 0.1; done)"
    with Run(tmp_path, STAY, f"{parent} & echo begun; exec sleep 60", before=adopt) as run:
        left = _pid(tmp_path / "orphan")
        middle = int(Path(f"/proc/{left}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(middle, signal.SIGKILL)
        wait_for(lambda: _parent(left) == run.process.pid, "the supervisor is its parent")
        (tmp_path / "go").touch()
        wait_for(lambda: not Path(f"/proc/{left}").exists(), "nothing is left of it")
        assert (run.said("begun"), run.said("run.died")) == (1, 0)
        assert run.end() == 0


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_what_a_dead_one_has_left_behind_ends_before_it_is_started_again(tmp_path: Path) -> None:
    with Run(tmp_path, STAY, "echo begun; sleep 60 & echo $! > left; wait", pause_s=60) as run:
        left = _pid(tmp_path / "left")
        os.kill(int(Path(f"/proc/{left}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
        wait_for(lambda: not _lives(left), "its child has ended")
        assert run.said("begun") == 1
        assert run.end() == 0


def test_when_run_itself_is_killed_nobody_is_left(tmp_path: Path) -> None:
    with Run(tmp_path, STAY) as run:
        stays = _pid(tmp_path / "stay")
        run.end(signal.SIGKILL)
        wait_for(lambda: not _lives(stays), "it has ended, too")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
