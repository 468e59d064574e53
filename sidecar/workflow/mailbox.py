"""Workflow: the shop's mailbox, for a sidecar that nobody can reach. One visit, and when the next one is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import SidecarError
from ..core.states import MOVED_BY
from . import inbox
from .ports import Ports
from .time_limits import VISIT_BUSY_S, VISIT_IDLE_S

MOST_DONE = 100  # acknowledgements that one visit may bring
MOST_TRIES = 20  # of a message that can't be done now; the shop hands the same fifty over until some of them go

Receive = Callable[[bytes, Mapping[str, str]], tuple[dict[str, Any], int]]  # as our door answers: JSON, HTTP status


@dataclass(frozen=True)
class Visit:
    """`done`: acknowledgements for the next visit, which is due in `wait_s`; `tried`: how often, by its id, a message
    was tried that could not be done."""

    done: list[dict[str, Any]]
    wait_s: float
    tried: dict[str, int]


def visit(
    ports: Ports,
    receive: Receive,
    done: Sequence[dict[str, Any]],
    *,
    with_status: bool,
    tried: Mapping[str, int] | None = None,
) -> Visit:
    """1. bring what became of the messages before, and how we are; 2. take the next ones; 3. do each of them.

    A message that is not acknowledged is there again at the next visit, and may be done twice. One that could not be
    done for long is acknowledged with the reason, as our door would have answered at once. Raises what the shop's door
    raises: then `done` is still to be brought.
    """
    before = tried or {}
    now_tried: dict[str, int] = {}
    question: dict[str, Any] = {"sidecar": ports.store.server.name()}
    if done:
        question["done"] = list(done[:MOST_DONE])
    if with_status:
        question["status"] = inbox.status(ports)
    answer = ports.shop.ask("mailbox.collect", question)
    ports.crash_point("mailbox:collected")
    messages = answer.get("messages") or []
    ended = []
    for message in messages:
        times = before.get(message["id"], 0) + 1
        if result := _done(ports, receive, message, is_last=times >= MOST_TRIES):
            ended.append(result)
        else:
            now_tried[message["id"]] = times
    ports.crash_point("mailbox:done")
    left = [*done[MOST_DONE:], *ended]
    return Visit(left, 0.0 if left else _pace(ports, soon=bool(answer.get("soon"))), now_tried)


def _pace(ports: Ports, *, soon: bool) -> float:
    return VISIT_BUSY_S if soon or (ports.store.is_busy() and not _all_wait(ports)) else VISIT_IDLE_S


def _all_wait(ports: Ports) -> bool:
    """Whether all work waits before held stages: that may take days, and nobody waits at the door meanwhile. A job that
    is being submitted does not: its webhook may come."""
    held = ports.store.holds.held()
    return bool(held) and all(MOVED_BY.get(state) in held and state != "submitting" for state in ports.store.counts())


def _done(ports: Ports, receive: Receive, message: dict[str, Any], *, is_last: bool) -> dict[str, Any] | None:
    """The acknowledgement of a message, or None: it is to come again, for what stops us now will pass. `is_last`: it
    is not to come again for that."""
    try:
        answer, status = receive(message["body"].encode(), message["headers"])
    except SidecarError as error:
        ports.log("mailbox.later", "A message could not be done now.", level="warning", reason=error.code)
        if not is_last:
            return None
        answer, status = {"error": error.code}, 503
    except ports.memory_outages:
        raise
    except Exception:  # one that we stumble over must not come again for ever
        ports.log("stage.broke", "A fault of ours.", stage="mailbox", exc_info=True)
        answer, status = {"error": "internal_error"}, 500
    if status == 401:  # the secrets differ for a moment: it would be lost
        return None
    return {"id": message["id"], "type": message["type"], "status": status, "answer": answer}
