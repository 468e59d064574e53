"""Workflow: throw away what nobody needs any more. Never a file of a job that is not settled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.job import JOB_ID
from ..core.messages import parse_rfc3339
from ..core.states import SETTLED
from .ports import Ports, StoredFile
from .time_limits import REFUSED_LIFE_S, TEMP_LIFE_S

PAGE = 200  # files that one question to the ledger is about
_NAME = re.compile(rf"({JOB_ID})_[0-9]{{1,2}}x\.(?:jpg|png|webp)\Z")


@dataclass
class Report:
    """What was thrown away, or would be. `bytes`: on disk, of all of it."""

    dry_run: bool
    expired: int = 0  # files whose link died longer ago than the grace period
    orphans: int = 0  # files that no ledger row owns
    temps: int = 0  # what a killed worker left behind
    sources: int = 0  # compressed copies of sources
    kept: int = 0
    bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(ports: Ports, *, dry_run: bool = False, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Files past their grace period, orphans, temp files, copies of sources. Asks the ledger about every finished file
    first.

    `progress` is told how many finished files have been looked at. Raises as `Shop.ask`, and as the files; what was
    thrown away by then is not told.
    """
    report = Report(dry_run)
    now = ports.clock()
    stored, looked_at = ports.files.stored(), 0
    while page := list(islice(stored, PAGE)):
        _stored_files(ports, page, now, report)
        looked_at += len(page)
        progress(looked_at)
    report.temps += _outlived(_of_nobody(ports, ports.files.temps()), now - TEMP_LIFE_S, report)
    report.sources += _outlived(ports.copies.all(), now - TEMP_LIFE_S, report)
    report.temps += _outlived(ports.files.refused(), now - REFUSED_LIFE_S, report)
    ports.log("cleanup", "Cleaned up.", **report.as_dict())
    return report


def _of_nobody(ports: Ports, temps: list[Path]) -> list[Path]:
    """Without what is kept for jobs that are not settled: a finished file may wait for days for its shop, or a held
    stage, and Upsampler does not keep the result for as long."""
    jobs = ports.store.versions(list({path.name.partition(".")[0] for path in temps}))
    return [path for path in temps if jobs.get(path.name.partition(".")[0], (0, "review"))[1] in SETTLED]


def _outlived(paths: Iterable[Path], before: float, report: Report) -> int:
    """Throw away what was last written before a time; returns how many that were."""
    found = 0
    for path in paths:
        if (modified := _modified(path)) is not None and modified < before:
            found += 1
            _throw_away(path, report)
    return found


def _modified(path: Path) -> float | None:
    """When it was last written. None: it has gone since it was listed, as a temp file does that gets its final name."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def _stored_files(ports: Ports, files: list[StoredFile], now: float, report: Report) -> None:
    owners = {file.name: match[1] for file in files if (match := _NAME.match(file.name.rpartition("/")[2]))}
    records = {}
    if owners:
        answer = ports.shop.ask("jobs.lookup", {"job_ids": sorted(set(owners.values()))})
        records = {record["job_id"]: record for record in answer["jobs"]}
    grace = ports.settings.keep_days * 86400
    for file in files:
        verdict = _verdict(file.name, records.get(owners.get(file.name, "")), file.modified, now, grace)
        if verdict == "keep" or file.name not in owners:  # what does not bear one of our names is not ours
            report.kept += 1
        elif report.dry_run or ports.files.remove(file.name):
            setattr(report, verdict, getattr(report, verdict) + 1)
            report.bytes += file.bytes


def _verdict(name: str, record: dict[str, Any] | None, modified: float, now: float, grace: float) -> str:
    if now - modified < grace:
        return "keep"
    if record is None:
        return "orphans"
    if record["state"] not in ("delivered", "refunded"):
        return "keep"  # not settled, or a person is looking at it
    delivery = record["delivery"]
    if not delivery or delivery["path"] != name:
        return "orphans"
    return "expired" if now > parse_rfc3339(delivery["expires_at"]) + grace else "keep"


def _throw_away(path: Path, report: Report) -> None:
    with suppress(FileNotFoundError):
        report.bytes += path.stat().st_size
        if not report.dry_run:
            path.unlink()
