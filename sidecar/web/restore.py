"""Face: a lost job, asked for at the ledger while somebody waits. A shop that hangs holds up few, and briefly."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from ..core.errors import TemporaryError
from ..core.job import Job
from ..workflow import reconcile
from ..workflow.ports import Ports

AT_ONCE = 2  # for each process, until the shop has answered or was given up
WAIT_S = 2  # so long a status page or a download waits for the shop

_places = threading.BoundedSemaphore(AT_ONCE)


def restored(ports: Ports, job_id: str, *, wait_s: float = WAIT_S) -> Job | None:
    """The job, None when the ledger does not know it. Raises TemporaryError when too many are being asked for, or the
    shop takes longer than whoever waits: what it says later is there for the next who asks."""
    if not _places.acquire(blocking=False):
        raise TemporaryError("recall_later", "the ledger is being asked by others")
    answer: Future[Job | None] = Future()
    threading.Thread(target=_ask, args=(ports, job_id, answer), name="restore", daemon=True).start()
    try:
        return answer.result(timeout=wait_s)
    except TimeoutError:
        raise TemporaryError("recall_later", f"the shop has not answered within {wait_s:g} s") from None


def _ask(ports: Ports, job_id: str, answer: Future[Job | None]) -> None:
    try:
        answer.set_result(reconcile.restore_from_ledger(ports, job_id))
    except Exception as error:  # told to whoever waits
        answer.set_exception(error)
    finally:
        _places.release()
