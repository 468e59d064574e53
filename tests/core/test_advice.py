"""The catalogue that both languages read: whole entries, and each one is met somewhere in the code."""

from __future__ import annotations

import re
import string

import pytest

from sidecar.core.advice import CATALOGUE, advice
from tests.testbed.places import REPOSITORY

SOURCES = [*(REPOSITORY / "sidecar").rglob("*.py"), *(REPOSITORY / "wp-bridge-plugin").rglob("*.php")]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_entry_is_one_sentence_and_one_command(code: str) -> None:
    entry = CATALOGUE[code]
    assert set(entry) == {"sentence", "command"}
    assert entry["sentence"].endswith(".") and ". " not in entry["sentence"]
    assert entry["command"] and "\n" not in entry["command"]


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_entry_is_used(code: str) -> None:
    assert re.search(rf"[\"']{code}[\"']", TEXT), code


def test_each_entry_is_met_in_a_test() -> None:
    """In one that brings its cause about, and not only in those that read the catalogue."""
    own = {"test_advice.py", "test_codes.py", "screenshots.py"}
    tests = [path for path in (REPOSITORY / "tests").rglob("test_*.py") if path.name not in own]
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    assert [code for code in CATALOGUE if not re.search(rf"[\"']{code}[\"']", text)] == []


def test_every_code_that_is_asked_for_is_there() -> None:
    asked = set(re.findall(r"\badvice\(\s*\"([a-z_]+)\"", TEXT))  # Python
    asked |= set(re.findall(r"(?:self::fault\( '[a-z_]+', |Advice::of\( )'([a-z_]+)'", TEXT))  # PHP
    assert len(asked) > 20
    assert asked <= set(CATALOGUE)


def test_names_are_filled_in_and_a_missing_one_is_a_fault() -> None:
    said = advice("port_taken", port=8321, free=8322)
    assert (said.sentence, said.command) == (
        "Another program listens at port 8321.",
        "smi-sidecar setup --port 8322",
    )
    with pytest.raises(KeyError):
        advice("port_taken")


def test_the_commands_name_commands_and_flags_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    from sidecar.cli.main import main

    for entry in CATALOGUE.values():
        for command, rest in re.findall(r"smi-sidecar ([a-z-]+)((?: --[a-z-]+)*)", entry["command"]):
            with pytest.raises(SystemExit) as ended:
                main([command, "--help"])
            assert ended.value.code == 0, command
            shown = capsys.readouterr().out
            assert all(flag in shown for flag in rest.split()), entry["command"]


def test_placeholders_are_plain_names() -> None:
    for entry in CATALOGUE.values():
        for text in entry.values():
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            assert all(re.fullmatch(r"[a-z]+", name) for name in names), text
