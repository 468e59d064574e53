"""`make demo`, as a visitor runs it: it sells, shows where to look, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.testbed.places import REPOSITORY
from tests.testbed.waiting import wait_for

pytestmark = [pytest.mark.wordpress, pytest.mark.xdist_group("demo")]

LAST_LINE = re.compile(r"DEMO OK job=[0-9a-f-]{36} attempt=1 3200x2400 [0-9]+ bytes in [0-9]+\.[0-9] s")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short one: the demo's embedded Valkey has its socket below it."""
    with tempfile.TemporaryDirectory(prefix="smi-") as folder:
        yield Path(folder)


@contextmanager
def _demo(
    folder: Path, *, mode: str = "local", hang_ups: str = "--default-signal=HUP", **env: str
) -> Iterator[subprocess.Popen[str]]:
    """A demo that ends with the block, whatever happens in it.

    `hang_ups`: option of env. By default the demo hears hang-ups, also when these tests run under nohup, whose children
    ignore them.
    """
    (folder / "temp").mkdir()
    with open(folder / "out", "w") as out:
        demo = subprocess.Popen(
            ["env", hang_ups, sys.executable, "-m", "tests.testbed.demo", mode],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(folder / "temp"), "PYTHONUNBUFFERED": "1", **env},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield demo
    finally:
        if demo.poll() is None:
            demo.send_signal(signal.SIGTERM)
            try:
                demo.wait(60)
            except subprocess.TimeoutExpired:
                demo.kill()
                demo.wait(10)


def _said(folder: Path) -> str:
    return (folder / "out").read_text()


def _left_behind(folder: Path) -> list[str]:
    """Processes that still work in the demo's folder, and what lies there."""
    working = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                line = (process / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(folder / "temp") in line:
                working.append(line.replace("\0", " "))
    return working + [path.name for path in (folder / "temp").iterdir()]


def test_once_sells_one_image_and_stops_everything_also_where_the_sidecar_is_elsewhere(tmp_path: Path) -> None:
    """The tests below have it beside the shop."""
    with _demo(tmp_path, mode="remote", DEMO_ONCE="1") as demo:
        assert demo.wait(150) == 0, _said(tmp_path)
    assert "the shop handed it out" in _said(tmp_path) and "no process listens for the shop" in _said(tmp_path)
    assert "store, worker, cron" in _said(tmp_path) and "web" not in _said(tmp_path).partition("DEMO OK")[0].split()
    assert LAST_LINE.fullmatch(_said(tmp_path).splitlines()[-1])
    assert _left_behind(tmp_path) == []


def test_a_mode_that_does_not_exist_is_told_in_a_sentence(tmp_path: Path) -> None:
    with _demo(tmp_path, mode="elsewhere") as demo:
        assert demo.wait(60) == 1
    assert _said(tmp_path).strip() == "MODE is local or remote, not elsewhere"


def test_it_keeps_running_until_ctrl_c_and_shows_where_to_look(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        try:
            wait_for(
                lambda: "Ctrl-C stops everything" in _said(tmp_path) or demo.poll() is not None, "it has sold", 150
            )
            addresses = dict(re.findall(r"^  ([A-Z][A-Za-z' ]+?) {2,}(http\S+)", _said(tmp_path), re.MULTILINE))
            for name in ("The shop", "Admin", "Status page", "Download"):
                assert requests.get(addresses[name], timeout=30).status_code == 200, name
        finally:
            demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, _said(tmp_path)
    assert LAST_LINE.fullmatch(_said(tmp_path).splitlines()[-1])
    assert _left_behind(tmp_path) == []


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT, signal.SIGINT), (signal.SIGHUP,)])
def test_an_impatient_hand_and_a_closed_terminal_leave_nothing_either(
    tmp_path: Path, signals: tuple[signal.Signals, ...]
) -> None:
    with _demo(tmp_path) as demo:
        wait_for(lambda: "starting the sidecar" in _said(tmp_path) or demo.poll() is not None, "it is half up", 150)
        for number in signals:
            demo.send_signal(number)
            time.sleep(0.15)  # between two presses of a key
        assert demo.wait(60) == 130, _said(tmp_path)
    assert "Traceback" not in _said(tmp_path)
    assert _left_behind(tmp_path) == []


def test_under_nohup_a_closed_terminal_ends_nothing(tmp_path: Path) -> None:
    with _demo(tmp_path, hang_ups="--ignore-signal=HUP") as demo:
        wait_for(lambda: "starting the sidecar" in _said(tmp_path) or demo.poll() is not None, "it is half up", 150)
        demo.send_signal(signal.SIGHUP)
        wait_for(lambda: "Ctrl-C stops everything" in _said(tmp_path) or demo.poll() is not None, "it has sold", 150)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 0, _said(tmp_path)
    assert _left_behind(tmp_path) == []
