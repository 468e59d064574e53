"""What makes a test fail on a busy machine, or in company: stopwatches, and counting what all tests share."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LEAST_BOUND_S = 10  # the machine may stand still for some seconds; a fault should cost minutes, or be told otherwise

CLOCKS = {"monotonic", "perf_counter", "total_seconds"}
TOOK = {"took", "elapsed", "waited", "seconds_taken"}


def stopwatches(tree: ast.AST) -> Iterator[str]:
    """Assertions that something took less than some seconds, as "line: code"."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert):
            continue
        for compared in (inner for inner in ast.walk(node.test) if isinstance(inner, ast.Compare)):
            sides = [compared.left, *compared.comparators]
            for left, operator, right in zip(sides, compared.ops, sides[1:], strict=False):
                less, more = (left, right) if isinstance(operator, ast.Lt | ast.LtE) else (right, left)
                if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) and _is_time(less) and _is_short(more):
                    yield f"{node.lineno}: {ast.unparse(compared)}"


def _is_time(node: ast.expr) -> bool:
    names = {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    names |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return bool(names & (CLOCKS | TOOK))


def _is_short(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value < LEAST_BOUND_S


def counts_of_all_orders(tree: ast.AST) -> Iterator[str]:
    """`len(sandbox.bill())`: `Whole.orders` has those of one job."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "len" and node.args:
            counted = node.args[0]
            if isinstance(counted, ast.Call) and ast.unparse(counted.func).endswith("sandbox.bill"):
                yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("rule", [stopwatches, counts_of_all_orders])
def test_no_test_depends_on_how_busy_the_machine_or_the_shop_is(rule) -> None:
    found = {str(path.relative_to(TESTS)): list(rule(ast.parse(path.read_text()))) for path in TESTS.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "code",
    [
        "assert time.monotonic() - began < 3",
        "assert 3 >= time.monotonic() - began",
        "assert 0.2 <= time.monotonic() - began < 1",
        "assert max(took.values()) < 2, took",
        "assert answer.elapsed.total_seconds() < 2, 'slow'",
    ],
)
def test_a_stopwatch_is_seen(code: str) -> None:
    assert len(list(stopwatches(ast.parse(code)))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "assert time.monotonic() - began < 30",
        "assert time.monotonic() - began > 0.4",
        "assert answer.elapsed.total_seconds() < 10 * scan",
        "assert (took := 1) or 2 < 3",
    ],
)
def test_a_long_or_a_relative_bound_is_none(code: str) -> None:
    assert list(stopwatches(ast.parse(code))) == []


def test_a_count_of_all_orders_is_seen() -> None:
    assert len(list(counts_of_all_orders(ast.parse("before = len(newest.sandbox.bill())")))) == 1
    assert list(counts_of_all_orders(ast.parse("assert len(newest.orders(job_id)) == 1"))) == []
