"""Entry point: periodic tasks by name. The clock begins them (clock.py); the next turn repeats what has failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .adapters.refusals import AWAY, in_words
from .core.errors import SidecarError
from .core.stored_names import TASKS, stored
from .workflow import cdn, cleanup, reconcile
from .workflow.ports import Ports

PERIODIC: Mapping[str, Callable[[Ports], Any]] = MappingProxyType(
    {"reconcile": reconcile.reconcile, "cleanup": cleanup.run, "probe_cdn": cdn.probe}
)


def run_periodic(ports: Ports, task: str) -> None:
    """Raises nothing. Where the other side is away, the log has one line."""

    def failed(reason: str, detail: str) -> None:
        sentence = "A periodic task could not do its work; it is tried again."
        ports.log("task.failed", sentence, level="warning", task=stored(TASKS, task), reason=reason, detail=detail)

    try:
        PERIODIC[task](ports)
    except SidecarError as error:
        failed(error.code, error.detail)
    except AWAY as error:
        failed("redis_unavailable", in_words(error))
    except Exception:
        ports.log("stage.broke", "A fault of ours.", stage=stored(TASKS, task), exc_info=True)
