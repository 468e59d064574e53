"""Web: a lost job, asked for at the ledger while somebody waits. A shop that hangs holds up few, and briefly."""

from __future__ import annotations

from typing import Any

from ..core.job import Job
from ..workflow import reconcile
from ..workflow.brief_wait import BriefWait
from ..workflow.ports import Ports

AT_ONCE = 2  # for each process, until the shop has answered or was given up
WAIT_S = 2  # so long a status page or a download waits for the shop

_brief = BriefWait("restore", at_once=AT_ONCE, code="recall_later", busy="the ledger is being asked by others")


def restored(ports: Ports, job_id: str, *, wait_s: float = WAIT_S) -> Job | None:
    """The job, None when the ledger does not know it. Raises TemporaryError when too many are being asked for, or the
    shop takes longer than whoever waits: what it says later is there for the next who asks."""
    return _brief.ask(lambda: reconcile.restore_from_ledger(ports, job_id), wait_s=wait_s)


def recorded(ports: Ports, job_id: str) -> dict[str, Any] | None:
    """What the ledger says of a job. As `restored`."""
    return _brief.ask(lambda: reconcile.record_of(ports, job_id), wait_s=WAIT_S)
