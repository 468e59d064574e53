"""Core: names in Redis that differ from the code's. An upgrade finds what the version before wrote; code never spells
them out. Each table: the code's name -> the stored one."""

# Functions of sidecar/tasks.py, as ready work and periodic tasks name them.
TASKS = {
    "reconcile": "sweep",
    "retry_webhook": "knock_again",
}

# Attributes of core.job.Job -> fields of the hash `smi:job:<id>`, which Lua scripts name as well. The console's JSON
# has these, too.
JOB_FIELDS = {
    "submit_started_at": "posting",
    "webhook_upsampler_id": "hinted_id",
    "refund_decision": "settle",
    "consecutive_failures": "tries",
    "bad_results": "fetches",
    "resubmissions": "resubmits",
    "crash_count": "crashes",
}

# What happens once in an interval: the first part of the name behind `smi:turn:`.
INTERVALS = {
    "reconcile": "sweep",
    "restore": "recall",
    "restores": "recalls",
}


def stored(table: dict[str, str], name: str) -> str:
    return table.get(name, name)


def known_as(table: dict[str, str], name: str) -> str:
    """The code's name of what is stored under `name`."""
    return next((ours for ours, theirs in table.items() if theirs == name), name)
