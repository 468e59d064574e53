"""Console: the commands that are processes: those of the Procfile, and the sandbox."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial


def add(commands) -> None:
    for name, run, help in (
        ("store", _store, "run the embedded Valkey, unless REDIS_URL names a server"),
        ("web", _web, "run the web process (gunicorn)"),
        ("worker", _worker, "run the workers"),
        ("cron", _cron, "run the clock: retries, polls, deadlines, reconciliation"),
    ):
        commands.add_parser(name, help=help, description=help).set_defaults(run=run)
    help = "run all of them as one; a process that dies is started again"
    commands.add_parser("run", help=help, description=help).set_defaults(run=_run_all)
    settings = commands.add_parser("settings", help="print every setting as a commented .env file")
    settings.add_argument("--markdown", action="store_true", help="as the table of docs/settings.md")
    settings.set_defaults(run=_settings)
    help = "run the Upsampler stand-in (for trying out and tests); its own options follow"
    sandbox = commands.add_parser("sandbox", help=help, add_help=False)
    sandbox.set_defaults(run=_sandbox)


def _run_all(given) -> int:
    from ..adapters import memory
    from ..services import services
    from . import supervise

    settings = services().settings  # all configuration faults at once, not four times
    _load_all(settings)
    memory.look_for_cycles_rarely()
    workers = _workers(settings.workers)
    commands = {"store": _store, "web": _web, "cron": _cron}
    apart = {name: partial(run, given) for name, run in commands.items() if name not in _not_needed(settings)}
    patience = {name: supervise.ENDLESS for name in workers}
    return supervise.Supervisor({**apart, **workers}, last="store", patience=patience).run()


def _load_all(settings) -> None:
    """What the processes need, before they are forked: so it is loaded and built once, and its memory is shared."""
    from .. import clock, tasks, worker  # noqa: F401

    tasks.ports()

    if "web" not in _not_needed(settings):
        from ..web import serve  # noqa: F401


def _workers(number: int) -> dict[str, Callable[[], None]]:
    """Of two or more, one is kept for the light stages, so that large files in collect never hold up a submit, a poll
    or a delivery."""
    from ..core.states import QUEUES
    from ..worker import LIGHT_QUEUES

    light = {"worker-light": lambda: _one_worker(LIGHT_QUEUES)} if number > 1 else {}
    return light | {f"worker-{at}": lambda: _one_worker(QUEUES) for at in range(1, number + 1 - len(light))}


def _one_worker(queues: Sequence[str]) -> None:
    from ..services import services
    from ..worker import run_worker

    run_worker(services(), queues)


def _not_needed(settings) -> set[str]:
    return ({"store"} if settings.redis_url else set()) | ({"web"} if settings.pulls else set())


def _store(given) -> None:
    from ..adapters import embedded
    from ..services import load_settings
    from ..worker import idle

    settings = load_settings()
    if settings.redis_url:
        print("REDIS_URL names a server: nothing to run here.", file=sys.stderr, flush=True)
        idle()
    else:
        embedded.run(settings.data_dir)


def _web(given) -> None:
    from ..services import services
    from ..worker import idle

    settings = services().settings  # all configuration faults at once, before gunicorn forks
    if settings.pulls:
        print("SMI_BIND=none: nothing to run here.", file=sys.stderr, flush=True)
        idle()
        return
    from ..web.serve import serve

    serve(settings)


def _worker(given) -> int:
    from .. import tasks
    from ..adapters import memory
    from . import supervise

    settings = tasks.ports().settings
    workers = _workers(settings.workers)
    memory.look_for_cycles_rarely()
    return supervise.Supervisor(workers, patience={name: supervise.ENDLESS for name in workers}).run()


def _cron(given) -> None:
    from ..clock import run_clock
    from ..services import services

    run_clock(services())


def _settings(given) -> None:
    print(settings_table() if given.markdown else env_example(), end="")


def env_example() -> str:
    """deploy/env.example: every setting on a line of its own; those that must be set are not commented out."""
    from ..core.settings import described

    lines = [
        "# SMI Sidecar: copy to .env in the sidecar's folder. Each X may also stand in a file that X_FILE names.",
        "",
    ]
    for item in described():
        lines.append(f"# {item['help']}")
        given = item["example"] if item["default"] is None else item["default"]
        lines += [f"{'' if item['default'] is None else '#'}{item['name']}={given}", ""]
    return "\n".join(lines)


def settings_table() -> str:
    """The table of docs/settings.md."""
    from ..core.settings import described

    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for item in described():
        default = "**required**" if item["default"] is None else f"`{item['default']}`" if item["default"] else "empty"
        lines.append(f"| `{item['name']}` | {default} | {str(item['help']).replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def _sandbox(given) -> int:
    from ..sandbox.__main__ import main

    return main(given.rest)
