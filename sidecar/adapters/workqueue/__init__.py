"""Adapter: work for the workers, on top of RQ. Holds no truth: everything that it loses comes due again.

Terms. A *queue* has the name of a stage (submit, watch, collect) or of an outbox lane (deliver, settle). An *item* is a
piece of work in it: a function of `sidecar.tasks` and its arguments. A *wake-up* is an RQ job that says "come to this
queue". A *mark* says that an item about a job waits already.

Mental model. RQ carries wake-ups only; the work lies beside it, and a worker that is woken drains all queues that it
serves until nothing is ready. An RQ job costs more round trips to Redis than most stages do, so a rush of hundreds of
jobs is drained after a few wake-ups, and about a wake-up RQ keeps no books (sidecar/worker.py).

Data model in Redis. The keys are those of core/stored_names.py, and name the site.
* `ready`, for each queue: sorted set, item as JSON -> not before (Unix seconds).
* `called`, for each queue: mark with expiry, a worker has been woken and has not come yet.
* `queued`, for each queue and job: mark with expiry, an item about this job waits.
* `workers`: sorted set, worker -> time of its last heartbeat.
* `rq:queue:<site>-<queue>`: RQ's own, the wake-ups.

Why it is atomic. PUT and TAKE are Lua scripts (scripts.py): an item and its mark stand there together, whoever puts
the first item learns that it has to wake a worker, and whoever takes one lifts the marks of its jobs.

Who may write to Redis can disturb our work, and must not get more: RQ runs one function, which finds work by names of
ours, and nothing is unpickled (allowed.py).

Cleanup. Marks and wake-up marks expire; a heartbeat that is old is removed by the next one.

Sharp edges. An item that was taken and not finished is lost here: the scheduler finds the job due again, 15 s later. A
wake-up that was lost is repeated by the clock. A worker keeps the next stage of its single job to itself (`_next`) and
puts it back when it leaves. While a worker drains, it does not look at RQ's commands for up to DRAIN_S.
"""

from .allowed import WakeUp, WakeUpQueue, forbid_pickle
from .heartbeat import heartbeat, workers_alive
from .queue import TIMEOUT_S, WorkQueue
from .ready import MARK_S, Item

__all__ = [
    "MARK_S",
    "TIMEOUT_S",
    "Item",
    "WakeUp",
    "WakeUpQueue",
    "WorkQueue",
    "forbid_pickle",
    "heartbeat",
    "workers_alive",
]
