"""The source as syntax trees: who imports whom, which words are raised."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "sidecar"


@dataclass
class Module:
    """`name` without the package: "workflow.submit", "" for the package itself. `inner`: modules of ours that it
    imports; `outer`: top-level names of all others. What is imported for type checkers only does not count."""

    name: str
    path: Path
    tree: ast.Module
    inner: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text()))
    for module in found.values():
        for node in _imports(module.tree):
            _note(module, node, found)
    return found


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):  # no expression imports anything
            yield from _imports(node)


def _note(module: Module, node: ast.Import | ast.ImportFrom, known: dict[str, Module]) -> None:
    if isinstance(node, ast.Import):
        targets = [alias.name for alias in node.names]
    elif node.level:
        is_package = module.path.name == "__init__.py"
        base = module.name.split(".") if module.name else []
        base = base[: len(base) - node.level + is_package] if node.level > is_package else base
        stem = ".".join(["sidecar", *base, *([node.module] if node.module else [])])
        targets = [f"{stem}.{alias.name}" for alias in node.names]
    else:
        targets = [f"{node.module}.{alias.name}" for alias in node.names]
    for target in targets:
        top, _, rest = target.partition(".")
        if top != "sidecar":
            module.outer.add(top)
            continue
        while rest not in known:  # `from x import name`: a name in a module is the module's
            rest = rest.rpartition(".")[0]
        if rest != module.name:
            module.inner.add(rest)


def third_party(names: set[str]) -> set[str]:
    return {name for name in names if name not in sys.stdlib_module_names}


def calls(tree: ast.AST) -> Iterator[tuple[str, list[str | None]]]:
    """(name of what is called, its arguments: the text of each string, None for all others)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield name, [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
