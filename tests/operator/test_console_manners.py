"""The console on odd machines, with odd arguments and into odd pipes: a sentence each time, and no traceback."""

from __future__ import annotations

import multiprocessing
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from sidecar.adapters.owner import home, user_name
from sidecar.adapters.store import RedisJobStore
from sidecar.cli import checks, main, operate
from sidecar.cli.doctor import examine
from sidecar.core.errors import ConfigurationError
from sidecar.core.job import Job
from sidecar.core.settings import Settings
from sidecar.services import Services, load_settings
from tests.core.test_settings import NEEDED
from tests.fakes.clock import SimulatedClock
from tests.testbed.places import REPOSITORY

COMMAND = [sys.executable, "-m", "sidecar"]
NOBODYS = 2_147_000_001  # an id that no user has


def command(*arguments: str, **how: object) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, **{"env": env, **how})  # type: ignore[call-overload]  # `how`


def test_whoever_reads_the_first_lines_only_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with command("settings", stdout=writing) as process:
        os.close(writing)
        assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_the_output_is_told_in_a_line() -> None:
    with open("/dev/full", "w") as full, command("plugin", stdout=full) as process:
        said = process.communicate(timeout=60)[1]
    assert "No space left" in said and "Traceback" not in said
    assert process.returncode != 0


@pytest.mark.parametrize("keys", [b"\x04", b"\x03"], ids=["end of input", "interrupted"])
def test_a_question_that_nobody_answers_ends_the_conversation(keys: bytes, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with command(
        "setup", "--folder", str(tmp_path), stdin=theirs, stdout=theirs, start_new_session=True, cwd=tmp_path,
        preexec_fn=lambda: _be_in_front(theirs),
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"it is not shown" not in said:  # ends: with the question, or with the process
            said += os.read(ours, 1000)
        os.write(ours, keys)
        errors = process.communicate(timeout=60)[1]
        os.close(ours)
    assert (process.returncode, errors.strip()) == (130, "")
    assert not (tmp_path / ".env").exists()


def _be_in_front(terminal: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def test_settings_that_are_no_utf_8_are_told_by_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes(b"# f\xfcr den Shop\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="UTF-8") as caught:
        load_settings()
    assert caught.value.code == "configuration_invalid"


# ---------------------------------------------------------------------- users without a name
def as_a_user_without_a_name(check: Callable[[], None]) -> None:
    def run() -> None:
        os.environ.pop("HOME", None)
        os.setgroups([])
        os.setuid(NOBODYS)
        check()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_container_may_run_us_as_a_number() -> None:
    services = Services(Settings.from_env(NEEDED))

    def check() -> None:
        assert (user_name(os.geteuid()), home()) == (str(NOBODYS), Path("/"))
        words = checks.advised(services, "folder_not_writable")
        assert words and str(NOBODYS) in words.command + words.sentence

    as_a_user_without_a_name(check)


# ---------------------------------------------------------------------- texts of others
def test_brackets_in_the_texts_of_others_are_no_markup(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    env = {**NEEDED, "REDIS_URL": redis_url, "SMI_SHOP_URL": "http://127.0.0.1:1", "SMI_UPLOADS_DIR": str(tmp_path)}
    services = Services(Settings.from_env(env))
    store = services.ports.store
    assert isinstance(store, RedisJobStore)
    store.holds.hold("submit", reason="upsampler_unreachable", detail="said [/closed] and [b]")
    store.create(Job("job-1", 1, "submitted", reason="[/x]", paid_at=1), due_at=SimulatedClock()())
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert main(["status"]) == 0
    assert "said [/closed] and [b]" in capsys.readouterr().out
    assert main(["jobs"]) == 0
    assert "[/x]" in capsys.readouterr().out
    assert isinstance(operate._console(), Console)


@pytest.mark.parametrize(
    "arguments", [("jobs", "--limit", "-3"), ("jobs", "--limit", "²"), ("jobs", "--state", "gone")]
)
def test_an_argument_that_makes_no_sense_is_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"argument {arguments[1]}" in capsys.readouterr().err


def test_a_folder_that_goes_while_doctor_looks_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "smi-downloads").symlink_to("smi-downloads")
    services = Services(Settings.from_env({**NEEDED, "SMI_UPLOADS_DIR": str(tmp_path)}))
    looked_at = [check for check in checks.CHECKS if check.name in ("Uploads folder", "Paid files are closed")]
    alone = [checks.Check(check.name, check.run) for check in looked_at]
    assert [finding.ok for finding in examine(services, alone)] == [False, False]
