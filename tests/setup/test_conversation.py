"""Setup at a terminal: a typo is asked for again, and whoever breaks off sees no fault of the program."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from select import select

from sidecar.core.connection_string import Connection
from tests.testbed.places import REPOSITORY

PATIENCE_S = 30


class Terminal:
    """`setup` as a person sees it who sits before it."""

    def __init__(self, folder: Path) -> None:
        self._here, there = pty.openpty()
        uploads = folder / "uploads"
        uploads.mkdir()
        secret = "whsec_c2V0dXAncyBvd24gc2VjcmV0IG9mIDI0IGJ5dGVz"
        self.string = Connection("https://shop.example", secret, str(uploads)).text()
        line = ["setup", "--no-system", "--no-start", "--folder", str(folder / "sidecar"), "--user", "root"]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(folder), "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sidecar", *line],
            stdin=there,
            stdout=there,
            stderr=there,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
        os.close(there)
        self.said = ""
        self._read = 0

    def until(self, words: str) -> None:
        """What is said after the words that were waited for last has these words in it."""
        while words not in self.said[self._read :]:  # ends: with these words, or in silence
            assert select([self._here], [], [], PATIENCE_S)[0], self.said
            self.said += os.read(self._here, 4096).decode(errors="replace").replace("\r\n", "\n")
        self._read = self.said.index(words, self._read) + len(words)

    def type(self, words: str) -> None:
        os.write(self._here, words.encode())

    def end(self) -> int:
        """The exit status, when all has been said."""
        try:
            while select([self._here], [], [], PATIENCE_S)[0]:  # ends: Linux answers EIO when the other side is closed
                self.said += os.read(self._here, 4096).decode(errors="replace").replace("\r\n", "\n")
        except OSError:
            pass
        os.close(self._here)
        return self.process.wait(timeout=PATIENCE_S)


def test_a_damaged_paste_is_asked_for_again(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.until("not shown): ")
    terminal.type(terminal.string[:-1] + "\n")
    terminal.until("not whole. Copy it once more.")
    terminal.until("not shown): ")
    terminal.type(terminal.string + "\n")
    terminal.until("API key (empty: the sandbox")
    terminal.type("\n")
    terminal.until("[Y/n] ")
    terminal.type("n\n")
    assert terminal.end() == 1
    assert "Nothing was written." in terminal.said and not (tmp_path / "sidecar").exists()
    assert terminal.string[10:60] not in terminal.said


def test_three_damaged_pastes_are_enough(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    for _ in range(3):
        terminal.until("not shown): ")
        terminal.type("smi1_no\n")
    assert terminal.end() == 2


def test_whoever_breaks_off_sees_no_traceback(tmp_path: Path) -> None:
    for number, leave in enumerate(("\x04", "")):
        folder = tmp_path / str(number)
        folder.mkdir()
        terminal = Terminal(folder)
        terminal.until("not shown): ")
        if leave:
            terminal.type(leave)
        else:
            terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert "Traceback" not in terminal.said
