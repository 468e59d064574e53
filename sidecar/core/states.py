"""Core: the states of an attempt and where each may go, read from the table that the bridge reads as well."""

from __future__ import annotations

import json

from .packaged import SCHEMAS

_FILE = json.loads((SCHEMAS / "states.json").read_text())
_TABLE = _FILE["states"]

STATES = tuple(_TABLE)
SETTLED = frozenset(name for name, row in _TABLE.items() if row["settled"])
LABELS = {name: row["label"] for name, row in _TABLE.items()}

# The stages of the pipeline, and the lanes of the outbox. Each has an RQ queue of its name.
STAGES = ("submit", "watch", "collect")
LANES = ("deliver", "settle")
# Order is priority: what is light and what customers wait for first.
QUEUES = ("deliver", "submit", "watch", "settle", "collect")

# The stage, or the lane, that moves a job on from a state.
MOVED_BY = {name: row["stage"] for name, row in _TABLE.items() if row["stage"]}
# What the customer sees, and the seconds until his page asks again.
PHASES = {name: row["phase"] for name, row in _TABLE.items()}
POLL_S = {name: row["poll_s"] for name, row in _TABLE.items()}
# The same for an attempt that is delayed, and for a link that has expired: they are no states.
POLL_S_OF_PHASE = {phase: row["poll_s"] for phase, row in _FILE["phases"].items()}
# Events of job.progress that give a submission up: the attempt stands before its submit again.
GIVING_UP = frozenset(_FILE["giving_up"])
