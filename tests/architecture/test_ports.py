"""A port says what its parts promise, so that whoever writes one, or a double, need not read another part."""

from __future__ import annotations

import ast

from tests.architecture.code import modules


def ports() -> dict[str, ast.Module]:
    return {name: module.tree for name, module in modules().items() if name.startswith("workflow.ports.")}


def methods(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    """Methods of protocols by name; what a property is, its class may say."""
    return [
        (f"{protocol.name}.{method.name}", method)
        for protocol in tree.body
        if isinstance(protocol, ast.ClassDef)
        for method in protocol.body
        if isinstance(method, ast.FunctionDef) and not method.decorator_list
    ]


def test_each_method_of_a_port_says_what_comes_back() -> None:
    found = [(name, which, method) for name, tree in ports().items() for which, method in methods(tree)]
    assert len(found) > 50
    assert [(name, which) for name, which, method in found if not ast.get_docstring(method)] == []
