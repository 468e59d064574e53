"""The sniffs of the bridge: each finds what its sample marks as bad, and nothing else; the bridge itself passes."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.places import REPOSITORY

SAMPLES = Path(__file__).resolve().parent / "samples"
STANDARD = REPOSITORY / "tests" / "php_sniffs" / "SmiBridge"

# Sniff => its samples. In a sample a line with `// bad` must be found, and after a line with `// bad below` the next.
SNIFFS = {
    "DB.PreparedSql": ["prepared-sql.inc"],
    "Files.DirectAccess": ["direct-access.inc", "direct-access-guarded.inc"],
    "Naming.Prefix": ["prefix.inc"],
    "PHP.Oldest": ["oldest.inc"],
    "Security.EscapeOutput": ["escape-output.inc"],
    "Security.Handlers": ["handlers.inc", "handlers-load.inc", "handlers-work.inc"],
    "WP.TextDomain": ["text-domain.inc"],
}


def phpcs(*arguments: str | Path) -> Mapping[str, Any]:
    """The findings of phpcs as its report in JSON."""
    command = ["phpcs", "-q", "--report=json", *map(str, arguments)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ended.returncode in (0, 1, 2), ended.stdout + ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def found() -> Mapping[str, list[dict[str, Any]]]:
    """Sample => what phpcs says about it."""
    samples = [SAMPLES / name for names in SNIFFS.values() for name in names]
    report = phpcs(f"--standard={STANDARD}", "--extensions=inc/php", *samples)
    return {Path(name).name: file["messages"] for name, file in report["files"].items()}


@pytest.mark.parametrize("sniff", SNIFFS)
def test_a_sniff_finds_the_bad_lines_and_no_good_one(sniff: str, found: Mapping[str, list[dict[str, Any]]]) -> None:
    marked = 0
    for sample in SNIFFS[sniff]:
        lines = enumerate((SAMPLES / sample).read_text().splitlines(), start=1)
        expected = {number + ("// bad below" in line) for number, line in lines if "// bad" in line}
        said = {
            message["line"]: message["message"]
            for message in found[sample]
            if message["source"].startswith(f"SmiBridge.{sniff}.")
        }
        assert set(said) == expected, said
        marked += len(expected)
    assert marked > 0


def test_a_handler_of_a_page_that_no_longer_asks_is_found_in_the_bridge_itself(tmp_path: Path) -> None:
    """The page calls another class, which asks for the nonce: taken out there, it is missed at the call."""
    plugin = tmp_path / "wp-bridge-plugin"
    shutil.copytree(REPOSITORY / "wp-bridge-plugin", plugin, ignore=shutil.ignore_patterns("assets", "languages"))
    asks = plugin / "admin" / "class-job-actions.php"
    left = [line for line in asks.read_text().splitlines(True) if "Admin_Access::check_form(" not in line]
    assert len(left) == len(asks.read_text().splitlines()) - 2
    asks.write_text("".join(left))
    report = phpcs(f"--standard={STANDARD}", "--sniffs=SmiBridge.Security.Handlers", plugin / "admin")
    said = {Path(name).name: [it["source"] for it in file["messages"]] for name, file in report["files"].items()}
    assert {name: codes for name, codes in said.items() if codes} == {
        "class-jobs-page.php": ["SmiBridge.Security.Handlers.Load"]
    }


def test_one_branch_of_a_handler_that_no_longer_asks_is_found_in_the_bridge_itself(tmp_path: Path) -> None:
    """A link's action and those of a list have a nonce each: either one is missed."""
    plugin = tmp_path / "wp-bridge-plugin"
    shutil.copytree(REPOSITORY / "wp-bridge-plugin", plugin, ignore=shutil.ignore_patterns("assets", "languages"))
    path = plugin / "admin" / "class-job-actions.php"
    lines = path.read_text().splitlines(True)
    for asks in [line for line in lines if "Admin_Access::check_form(" in line]:
        path.write_text("".join(line for line in lines if line is not asks))
        report = phpcs(f"--standard={STANDARD}", "--sniffs=SmiBridge.Security.Handlers", plugin / "admin")
        assert report["totals"]["errors"] == 1, asks


def test_every_sniff_has_a_sample() -> None:
    sniffs = {f"{path.parent.name}.{path.stem.removesuffix('Sniff')}" for path in STANDARD.glob("Sniffs/*/*Sniff.php")}
    assert sniffs == set(SNIFFS)


def test_the_bridge_passes() -> None:
    report = phpcs("--standard=phpcs.xml.dist")
    said = [
        f"{name}:{message['line']} {message['message']} ({message['source']})"
        for name, file in report["files"].items()
        for message in file["messages"]
    ]
    assert said == []
    assert len(report["files"]) == len(list((REPOSITORY / "wp-bridge-plugin").rglob("*.php")))
