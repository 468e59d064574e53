"""bench/results.json and the exit status; every measurement of the list is there."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from bench import report
from bench.__main__ import NAMES, main
from bench.figures import at_most, figure, ratio_at_least

MEASUREMENTS = Path(report.__file__).parent / "measurements"
FIELDS = {"value", "unit", "baseline", "ratio", "goal", "met", "runs", "spread"}


def test_results_have_the_agreed_fields(tmp_path: Path) -> None:
    figures = [
        figure("throughput", "jobs/s", [30.0, 31.0, 32.0], ratio_at_least(1.5), baseline=[15.0, 31.0, 16.0]),
        figure("cold_start", "s", [0.5], at_most(1.0)),
    ]
    report.write(figures, tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    assert {frozenset(row) for row in written.values()} == {frozenset(FIELDS)}
    assert written["throughput"]["ratio"] == 2.0
    assert written["throughput"]["goal"] == ">= 1.5 x baseline"
    assert written["cold_start"] == {
        "value": 0.5,
        "unit": "s",
        "baseline": None,
        "ratio": None,
        "goal": "<= 1",
        "met": True,
        "runs": 1,
        "spread": 0.0,
    }


def test_one_measurement_replaces_its_own_figures_only(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    report.write(
        [figure("intake", "1/s", [1.0]), figure("intake.old", "ms", [1.0]), figure("collect", "s", [2.0])], path
    )
    report.write([figure("intake", "1/s", [3.0])], path)
    written = json.loads(path.read_text())
    assert {name: row["value"] for name, row in written.items()} == {"collect": 2.0, "intake": 3.0}


def test_every_measurement_has_a_file_that_says_what_it_measures() -> None:
    assert {path.stem for path in MEASUREMENTS.glob("*.py")} - {"__init__"} == set(NAMES)
    for name in NAMES:
        tree = ast.parse((MEASUREMENTS / f"{name}.py").read_text())
        assert (ast.get_docstring(tree) or "").startswith(f"{name}: ")
        assert any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)


def test_an_unknown_measurement_is_refused_with_the_list_of_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["throughputs"])
    assert refused.value.code == 2
    assert "throughput, delivery_latency" in capsys.readouterr().err


def test_the_documentation_tells_of_every_measurement() -> None:
    text = (Path(report.__file__).parents[1] / "docs" / "performance.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in text or f"make bench ONLY={name}" not in text] == []
