"""What the pages say is held to the code: names of commands, states, keys and times, and every link."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from sidecar.cli.checks import CHECKS
from sidecar.cli.main import main
from sidecar.core.states import QUEUES, STATES
from sidecar.core.stored_names import Keys
from sidecar.workflow import time_limits
from tests.store.test_sites import every_key
from tests.testbed.places import REPOSITORY
from tests.testbed.sidecar import commands

DOCS = REPOSITORY / "docs"
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
MECHANISM = (DOCS / "how-it-works.md").read_text()
OPERATION = (DOCS / "operation.md").read_text()


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def _anchors(page: Path) -> frozenset[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return frozenset(_anchor(heading) for heading in headings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in _anchors(linked), f"{page.name}: {target}"


def test_every_command_of_the_console_is_in_the_operators_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)
    assert len(listed) > 15
    for command in listed:
        assert re.search(rf"^\| .*`(smi-sidecar )?{command}\b", OPERATION, re.MULTILINE), command


def test_the_command_has_one_name() -> None:
    """Whoever has installed the wheel has no `python -m sidecar`; where a page is about a checkout, it says so."""
    for page in sorted(DOCS.glob("*.md")):
        for line in page.read_text().splitlines():
            assert "python -m sidecar" not in line or "heckout" in line, f"{page.name}: {line[:80]}"


def test_the_doctors_lines_in_the_operators_page_are_its_checks() -> None:
    lines = re.findall(r"^(?:ok  |FAIL)  ([^:]+): ", OPERATION, re.MULTILINE)
    assert lines == [check.name for check in CHECKS]


def test_every_process_of_the_procfile_is_in_the_operators_page() -> None:
    for name in commands():
        assert f"| `smi-sidecar {name}` |" in OPERATION


def test_every_state_and_stage_is_explained() -> None:
    for state in STATES:
        assert re.search(rf"^\| `{state}` \|", MECHANISM, re.MULTILINE), state
    for queue in QUEUES:
        assert f"`{queue}`" in MECHANISM, queue


def test_every_key_in_redis_is_explained() -> None:
    for kind, name in every_key(Keys("<site>")).items():
        assert f"`{name}`" in MECHANISM, kind


def test_keys_in_redis_are_named_in_one_place() -> None:
    for path in (REPOSITORY / "sidecar").rglob("*.py"):
        if path.name != "stored_names.py":
            assert not re.search(r"[\"'`]smi:[a-z]+", path.read_text()), path


def test_the_table_of_times_is_that_of_the_code() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([0-9.]+) \|", MECHANISM, re.MULTILINE))
    constants = {name: value for name, value in vars(time_limits).items() if name.isupper()}
    assert {name: float(value) for name, value in rows.items()} == constants


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:`|^|\n)(?:[A-Z_]+=\S+ )*make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: make {target}"
