"""Console: what an operator does at the console: look, push, stop, repair. Tables for people, `--json` for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from ..core.errors import CallerError
from ..core.reasons import in_words
from ..core.states import LABELS, LANES, STAGES
from ..core.stored_names import JOB_FIELDS, stored
from ..services import Services
from ..workflow import cleanup, holds, manual, reconcile
from . import upgrade

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table


def add(commands) -> None:
    _command(commands, "status", _status, "queues, jobs by state, workers, holds")
    jobs = _command(commands, "jobs", _jobs, "the unfinished jobs")
    jobs.add_argument("--state", help="only those in this state")
    jobs.add_argument("--limit", type=int, default=50, help="at most this many (50)")
    for name, run, help in (
        ("show", _show, "everything that is known of one job"),
        ("push", _push, "look at a job now, instead of when it is due"),
        ("fail", _fail, "fail a job by hand"),
        ("retry", _retry, "start the next attempt of a job"),
        ("cancel", _cancel, "stop a job and revoke its link; a person then decides"),
    ):
        command = _command(commands, name, run, help)
        command.add_argument("job_id")
        if name == "fail":
            command.add_argument("reason", help="a code of docs/failures.md, or words for the admin (then: review)")
        if name == "retry":
            command.add_argument("--force", action="store_true", help="pay Upsampler again even if a good file exists")
    for name, run, help in (
        ("hold", _hold, "stop a stage for everybody"),
        ("resume", _resume, "let a held stage go on"),
    ):
        command = _command(commands, name, run, help)
        command.add_argument("stage", choices=("submit", "collect"))
    _command(commands, "reconcile", _reconcile, "ask for the shop's unfinished jobs now, and repair what differs")
    clean = _command(commands, "cleanup", _cleanup, "throw away what nobody needs any more")
    clean.add_argument("--dry-run", action="store_true", help="only say what would go")


def _command(commands, name: str, run, help: str):
    command = commands.add_parser(name, help=help, description=help)
    command.add_argument("--json", action="store_true", help="the answer as JSON")
    command.set_defaults(run=run)
    return command


def _out(given, document: Any, text: str | Table) -> int:
    if given.json:
        print(json.dumps(document, indent=2))
    else:
        _console().print(text)
    return 0


# rich is imported where it is wanted: the processes that live long load this module, too, and would keep its 6 MB.
def _console() -> Console:
    """What goes into a pipe is not folded: `jobs | grep <id>` must find it."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 240)


def _table(*columns: str, **options: Any) -> Table:
    from rich.table import Table

    return Table(*columns, **options)


def _bar(given) -> Progress:
    from rich.progress import Progress

    return Progress(console=_console(), disable=given.json, transient=True)


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _status(given) -> int:
    services = Services.from_env()
    ports, version = services.ports, upgrade.versions(services)
    ages, oldest = ports.queue.ages(), ports.store.oldest()
    counts, depths, held = ports.store.counts(), ports.queue.depths(), ports.store.holds.held()
    document: dict[str, Any] = {
        "name": ports.store.server.name(),
        "jobs": counts,
        "queues": depths,
        "ready_seconds": {queue: round(seconds) for queue, seconds in ages.items()},
        "job_seconds": {state: round(seconds) for state, seconds in oldest.items()},
        "messages_waiting": {lane: ports.outbox.waiting(lane) for lane in LANES},
        "workers": ports.queue.workers(),
        "clock": ports.store.heartbeats.is_alive("cron"),
        "connected": ports.store.heartbeats.is_alive("pull") if services.settings.pulls else None,
        "held": held,
        "versions": version,
    }
    table = _table(title="SMI Sidecar", show_header=False)
    table.add_row("Name", document["name"])
    for state, count in counts.items():
        since = f", the oldest for {_age(oldest[state])}" if state in oldest else ""
        table.add_row(LABELS[state], f"{count}{since}")
    table.add_row("Queued work", ", ".join(f"{stage} {depths[stage]}" for stage in (*STAGES, *LANES)))
    table.add_row("Oldest ready work", ", ".join(f"{queue} {_age(s)}" for queue, s in ages.items() if s >= 1) or "none")
    table.add_row("Messages to the shop", ", ".join(f"{k} {v}" for k, v in document["messages_waiting"].items()))
    table.add_row("Workers", str(document["workers"]))
    table.add_row("Clock", "alive" if document["clock"] else "[bold red]no heartbeat[/]")
    if services.settings.pulls:
        seen = "seen within the last minute" if document["connected"] else "[bold red]not seen for a minute[/]"
        table.add_row("At the shop", seen)
    table.add_row("Versions", _versions(version))
    for stage, why in held.items():
        table.add_row(f"[bold red]{stage} is held[/]", f"{why['reason']}: {why['detail']}\n{in_words(why['reason'])}")
    return _out(given, document, table)


def _versions(version: dict[str, Any]) -> str:
    """A bridge that was not reached is not said to differ."""
    apart = " [bold red]do not fit[/]" if version["compatible"] is False else ""
    return f"sidecar {version['sidecar']}, bridge {version['bridge'] or 'not reached'}{apart}"


def _jobs(given) -> int:
    ports = Services.from_env().ports
    jobs = sorted(ports.store.get_many(ports.store.all_ids()).values(), key=lambda job: job.paid_at)
    jobs = [job for job in jobs if given.state in (None, job.state)][: given.limit]
    table = _table(title=f"{len(jobs)} unfinished")
    for name in ("job", "attempt", "state", "age", "failures", "reason"):
        table.add_column(name, no_wrap=name == "job")
    for job in jobs:
        age = f"{(time.time() - job.paid_at) / 60:.0f} min"
        table.add_row(job.job_id, str(job.attempt), job.state, age, str(job.consecutive_failures), job.reason)
    return _out(given, [_public(job) for job in jobs], table)


def _show(given) -> int:
    ports = Services.from_env().ports
    job = ports.store.get(given.job_id)
    records = ports.shop.ask("jobs.lookup", {"job_ids": [given.job_id]})["jobs"]
    if job is None and not records:
        raise CallerError("unknown_job", f"neither the shop nor working memory knows {given.job_id}")
    document = {"working_memory": _public(job) if job else None, "ledger": records[0] if records else None}
    if records and records[0].get("delivery"):
        records[0]["delivery"]["token"] = records[0]["delivery"]["download_url"] = "***"
    table = _table("", "working memory", "ledger", title=given.job_id)
    ours, theirs = document["working_memory"] or {}, document["ledger"] or {}
    for name in sorted(ours.keys() | theirs.keys()):
        table.add_row(name, str(ours.get(name, "")), str(theirs.get(name, "")))
    return _out(given, document, table)


def _push(given) -> int:
    state = manual.process_upscale_request(Services.from_env().ports, given.job_id)
    return _out(given, {"state": state}, f"{given.job_id} is {state}")


def _fail(given) -> int:
    state = manual.handle_processing_failure(Services.from_env().ports, given.job_id, given.reason)
    return _out(given, {"state": state}, f"{given.job_id} is {state}")


def _retry(given) -> int:
    answer = Services.from_env().ports.shop.order("job.rerun", {"job_id": given.job_id, "force": given.force})
    return _out(given, answer, f"{given.job_id}: attempt {answer.get('attempt')} has been started")


def _cancel(given) -> int:
    answer = Services.from_env().ports.shop.order("job.stop", {"job_id": given.job_id})
    return _out(given, answer, f"{given.job_id} is stopped and in review")


def _hold(given) -> int:
    new = Services.from_env().ports.store.holds.hold(
        given.stage, reason="held_by_admin", detail="held at the console", by_admin=True
    )
    return _out(given, {"held": True, "changed": new}, f"{given.stage} is held")


def _resume(given) -> int:
    changed = holds.resume(Services.from_env().ports, given.stage)
    return _out(given, {"held": False, "changed": changed}, f"{given.stage} goes on")


def _reconcile(given) -> int:
    ports = Services.from_env().ports
    with _bar(given) as bar:
        task = bar.add_task("asking the shop", total=None)
        report = reconcile.reconcile(ports, progress=lambda done: bar.update(task, completed=done))
    document = {"unfinished": report["unfinished"], "mended": report["restored"]}  # the name that programs read
    return _out(given, document, f"{report['unfinished']} unfinished, {report['restored']} restored")


_THROWN_AWAY = {
    "expired": "Files whose link has ended",
    "orphans": "Files of no order",
    "temps": "Temporary files",
    "sources": "Copies of sources",
    "bytes": "Bytes of all these",
    "kept": "Files that stay",
}


def _cleanup(given) -> int:
    ports = Services.from_env().ports
    with _bar(given) as bar:
        task = bar.add_task("looking at files", total=None)
        done = cleanup.run(ports, dry_run=given.dry_run, progress=lambda files: bar.update(task, completed=files))
    report = done.as_dict()
    table = _table(title="Would be thrown away" if given.dry_run else "Thrown away", show_header=False)
    for name, words in _THROWN_AWAY.items():
        table.add_row(words, f"{report[name]:,}")
    return _out(given, report, table)


def _public(job) -> dict[str, Any]:
    """A job without what would let the reader act as the customer or as Upsampler."""
    hidden = {"token", "download_url", "result_url", "claim", "submit_claim"}
    shown = {name: value for name, value in job.__dict__.items() if name not in hidden and value not in ("", 0)}
    return {stored(JOB_FIELDS, name): value for name, value in shown.items()}
