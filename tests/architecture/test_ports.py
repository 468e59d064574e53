"""A port says what its parts promise, so that whoever writes one, or a double, need not read another part."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.code import modules

PORTS = sorted(name for name in modules() if name.startswith("workflow.ports."))


def methods(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    """Methods of protocols by name; what a property is, its class may say."""
    return [
        (f"{protocol.name}.{method.name}", method)
        for protocol in tree.body
        if isinstance(protocol, ast.ClassDef)
        for method in protocol.body
        if isinstance(method, ast.FunctionDef) and not method.decorator_list
    ]


@pytest.mark.parametrize("name", PORTS)
def test_each_method_of_a_port_says_what_comes_back(name: str) -> None:
    silent = [which for which, method in methods(modules()[name].tree) if not ast.get_docstring(method)]
    assert not silent, f"{name}: no docstring at {', '.join(silent)}"


def test_the_ports_are_found() -> None:
    assert sum(len(methods(modules()[name].tree)) for name in PORTS) > 50
