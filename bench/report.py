"""The table on the screen and bench/results.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .figures import Figure

RESULTS = Path(__file__).resolve().parent / "results.json"


def table(figures: Sequence[Figure], caption: str) -> Table:
    shown = Table(title="bench", caption=caption, caption_justify="left")
    for heading in ("what", "value", "unit", "baseline", "ratio", "goal", "runs", "spread", "met"):
        shown.add_column(heading, no_wrap=True, justify="left" if heading in ("what", "unit", "goal") else "right")
    for figure in figures:
        main = "." not in figure.name
        shown.add_row(
            figure.name if main else "  " + figure.name,
            _number(figure.value),
            figure.unit,
            _number(figure.baseline),
            _number(figure.ratio),
            "" if figure.goal is None else str(figure.goal),
            str(figure.runs),
            f"{figure.spread:.0%}",
            "" if figure.goal is None else ("[green]yes[/]" if figure.met else "[bold red]no[/]"),
            style="bold" if main else "",
        )
    return shown


def show(figures: Sequence[Figure], caption: str, console: Console) -> None:
    console.print(table(figures, caption))
    for figure in figures:
        if figure.note:
            console.print(f"  {figure.name}: {figure.note}", highlight=False)


def write(figures: Sequence[Figure], path: Path = RESULTS) -> None:
    """Write the figures; those of other measurements, from an earlier run with ONLY=…, stay."""
    known = json.loads(path.read_text()) if path.exists() else {}
    measured = {figure.name.partition(".")[0] for figure in figures}
    kept = {name: row for name, row in known.items() if name.partition(".")[0] not in measured}
    rows = {**kept, **{figure.name: figure.as_json() for figure in figures}}
    path.write_text(json.dumps(rows, indent=1) + "\n")


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
