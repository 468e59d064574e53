"""A part and its children end when they should, and not before."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.testbed.places import REPOSITORY
from tests.testbed.process import Process, StartFailed, session_members

# The child leads its own process group, as an RQ work-horse does.
_PARENT_WITH_HORSE = """
import os, pathlib, signal, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
    os._exit(0)
while True:
    time.sleep(60)
"""


class ParentWithHorse(Process):
    def __init__(self, folder: Path) -> None:
        super().__init__("parent", folder)
        self.horse = folder / "horse"

    def command(self) -> Sequence[str]:
        self.horse.unlink(missing_ok=True)
        return [sys.executable, "-c", _PARENT_WITH_HORSE, str(self.horse)]

    def is_ready(self) -> bool:
        return self.horse.exists() and self.horse.read_text() != ""

    @property
    def horse_pid(self) -> int:
        return int(self.horse.read_text())


class Command(Process):
    def __init__(self, folder: Path, script: str) -> None:
        super().__init__("command", folder)
        self.script = script

    def command(self) -> Sequence[str]:
        return ["/bin/sh", "-c", self.script]

    def is_ready(self) -> bool:
        return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _eventually(condition: Callable[[], bool], timeout: float = 10) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_stopping_a_part_ends_children_that_do_not_listen(tmp_path: Path) -> None:
    with ParentWithHorse(tmp_path) as part:
        horse = part.horse_pid
        assert part.pids() == [part.pid, horse]
    assert not _alive(horse)
    assert not part.running


def test_an_orphan_lives_on_beside_the_next_run_until_the_part_is_stopped(tmp_path: Path) -> None:
    with ParentWithHorse(tmp_path) as part:
        orphan = part.horse_pid
        part.signal(9)
        assert _eventually(lambda: not part.running)
        assert part.returncode == -9
        part.start()
        assert part.horse_pid != orphan
        assert _alive(orphan)
    assert not _alive(orphan)


def test_a_part_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    part = Command(tmp_path, "echo no port left; exit 3")
    with pytest.raises(StartFailed, match="command ended with 3:\nno port left"):
        part.start()
    part.stop()


def test_a_part_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    part = Command(tmp_path, "exec sleep 60")
    with pytest.raises(StartFailed, match="command was not ready after 0.1 s"):
        part.start(timeout=0.1)
    part.stop()
    assert not part.running


def test_parts_end_when_their_owner_is_killed(tmp_path: Path) -> None:
    owner = (
        "import os, pathlib, sys\n"
        "from tests.testbed.redis_server import RedisServer\n"
        "server = RedisServer(pathlib.Path(sys.argv[1])).start()\n"
        "print(server.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", owner, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == -9, ended.stderr
    assert _eventually(lambda: session_members(int(ended.stdout)) == [])


def test_an_interruption_while_a_part_is_launched_comes_when_the_part_is_known(tmp_path: Path) -> None:
    owner = (
        "import os, pathlib, signal, sys\n"
        "from tests.testbed.process import Process\n"
        "class Sleeper(Process):\n"
        "    def command(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        return ['sleep', '60']\n"
        "part = Sleeper('sleeper', pathlib.Path(sys.argv[1]))\n"
        "try:\n"
        "    part.launch()\n"
        "except KeyboardInterrupt:\n"
        "    print(part.pid, flush=True)\n"
        "    part.stop()\n"
    )
    line = [sys.executable, "-c", owner, str(tmp_path)]
    ended = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert session_members(int(ended.stdout)) == []
