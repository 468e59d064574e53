"""Every wait has an end: what waits for a thread, a process, a queue, a peer or a turn of a loop says how long.

Where the end is known for another reason, the line says it: `# ends: why`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("tests", "sidecar", "bench") for path in (ROOT / folder).rglob("*.py"))

# Method -> how many arguments by position say an end (`acquire(True, 5)`, `get(True, 5)`, `join(5)`).
WAITS = {"wait": 1, "join": 1, "communicate": 2, "acquire": 1, "result": 1}
PROCESSES = {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")}
CONNECTIONS = {"urllib.request.urlopen": 3, "urlopen": 3, "socket.create_connection": 2, "create_connection": 2}
REQUESTS = {f"requests.{name}" for name in ("get", "post", "put", "head", "delete", "patch", "options", "request")}
SOCKET_WAITS = {"accept", "recv", "recvfrom", "recv_into"}
_LOOKED_AT = (ast.Call, ast.With, ast.While, ast.Assign, ast.AnnAssign)
PAUSES = {"sleep", "wait"}
ENDS = ("timeout", "deadline", "monotonic", "perf_counter", "range(")


def endless(source: str) -> list[str]:
    """The waits of a module that may last for ever, as "line: code"."""
    tree, lines = ast.parse(source), source.splitlines()
    return [
        f"{node.lineno}: {ast.unparse(node).splitlines()[0]}"
        for node in _waits(tree, source)
        if not _excused(lines, node.lineno)
    ]


def _excused(lines: list[str], number: int) -> bool:
    """Within the line, or in one of its own above."""
    here, above = lines[number - 1], lines[number - 2].strip() if number > 1 else ""
    said = here.partition("# ends: ")[2] or (above.startswith("#") and above.partition("# ends: ")[2]) or ""
    return len(said.split()) >= 3


def _waits(tree: ast.Module, source: str) -> Iterator[ast.expr | ast.stmt]:
    limited = "settimeout(" in source.replace("settimeout(None)", "")
    sockets_end = limited or ("timeout=" in source and "create_connection(" in source)
    nodes = [node for node in ast.walk(tree) if isinstance(node, _LOOKED_AT)]
    queues = _queues(nodes)
    for node in nodes:
        if isinstance(node, ast.Call) and _may_last(node, queues, sockets_end):
            yield node
        elif isinstance(node, ast.With):
            for item in node.items:
                if isinstance(item.context_expr, ast.Call) and _name(item.context_expr).endswith("Popen"):
                    yield item.context_expr  # its end waits for the process
        elif isinstance(node, ast.While) and _waits_for_others(node) and not _says_when(node):
            yield node


def _waits_for_others(loop: ast.While) -> bool:
    """It has no condition of its own, or pauses until its condition is so. `while not over.wait(1)` goes on until it is
    told to end, as a service does."""
    calls = [node for step in loop.body for node in ast.walk(step) if isinstance(node, ast.Call)]
    return isinstance(loop.test, ast.Constant) or any(_name(call).rpartition(".")[2] in PAUSES for call in calls)


def _says_when(loop: ast.While) -> bool:
    return any(word in ast.unparse(loop) for word in ENDS)


def _may_last(call: ast.Call, queues: set[str], sockets_end: bool) -> bool:
    name, said = _name(call), {keyword.arg for keyword in call.keywords}
    if any(keyword.arg == "timeout" and _is_none(keyword.value) for keyword in call.keywords):
        return True
    if "timeout" in said or None in said:  # None: `**how`
        return False
    if name in PROCESSES or name in REQUESTS:
        return True
    if name in CONNECTIONS:
        return len(call.args) < CONNECTIONS[name]
    if not isinstance(call.func, ast.Attribute):
        return False
    method = call.func.attr
    if method not in ("get", "join") and method not in SOCKET_WAITS and method not in WAITS:
        return False
    of = ast.unparse(call.func.value)
    if method in ("get", "join") and of in queues:
        return len(call.args) < 2 and "block" not in said
    if method in SOCKET_WAITS:
        return not sockets_end and not (method == "accept" and (said or call.args or of == "dialog"))
    return method in WAITS and len(call.args) < WAITS[method] and "blocking" not in said


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _queues(nodes: list[ast.AST]) -> set[str]:
    """Names and attributes that a queue is assigned to."""
    found = set()
    for node in nodes:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        if _name(node.value).endswith("Queue"):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {ast.unparse(target) for target in targets}
    return found


def _name(call: ast.Call) -> str:
    """`a.b.c`: as `ast.unparse` has it, which is slow."""
    parts, node = [], call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else ast.unparse(node), *reversed(parts)])


def test_every_wait_has_an_end() -> None:
    found = {str(path.relative_to(ROOT)): endless(path.read_text()) for path in FILES}
    assert {path: waits for path, waits in found.items() if waits} == {}


@pytest.mark.parametrize(
    "code",
    [
        "thread.join()",
        "event.wait()",
        "child.communicate()",
        "child.communicate(b'input')",
        "lock.acquire()",
        "future.result()",
        "subprocess.run(['true'])",
        "urlopen('http://127.0.0.1')",
        "socket.create_connection(('127.0.0.1', 1))",
        "requests.get('http://127.0.0.1')",
        "listener.accept()",
        "peer.recv(1)",
        "things = SimpleQueue()\nthings.get()",
        "self.things: Queue = queue.Queue()\nself.things.join()",
        "with subprocess.Popen(['true']): pass",
        "while True:\n    step()",
        "while not done:\n    time.sleep(1)",
        "subprocess.run(['true'], timeout=None)",
        "thread.join()  # ends: soon",
    ],
)
def test_a_wait_without_an_end_is_seen(code: str) -> None:
    assert len(endless(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "thread.join(5)",
        "event.wait(timeout=5)",
        "child.communicate(timeout=5)",
        "lock.acquire(timeout=5)",
        "lock.acquire(blocking=False)",
        "subprocess.run(['true'], timeout=5)",
        "urlopen('http://127.0.0.1', timeout=5)",
        "peer.settimeout(5)\npeer.recv(1)",
        "things = Queue()\nthings.get(timeout=5)\nthings.get(True, 5)",
        "settings.get('name')\n', '.join(words)",
        "while True:\n    if time.monotonic() > end: break",
        "while not done and time.monotonic() < end:\n    time.sleep(1)",
        "while rest:\n    rest = rest[1:]",
        "while not over.wait(1):\n    step()",
        "thread.join()  # ends: it was told to",
        "# ends: it was told to\nthread.join()",
    ],
)
def test_a_wait_with_an_end_is_none_of_them(code: str) -> None:
    assert endless(code) == []
