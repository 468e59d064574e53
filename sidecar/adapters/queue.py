"""Adapter: work for the workers, and RQ, which calls them. Holds no truth: everything that it loses comes due again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from ..core.states import STAGES
from ..core.stored_names import TASKS, known_as, stored
from .alive import living

# A piece of work that takes longer than this is stopped; its lease then lapses, and the timetable brings the job back.
TIMEOUT_S = {"submit": 120, "watch": 300, "collect": 7200, "deliver": 120, "settle": 300}
MARK_S = 60  # work that vanished without running blocks its like for no longer than this
CALL_S = 10  # so long a call that was lost keeps others from calling
WORK_S = 5  # a worker follows one call for no longer than this, and then lets RQ look after itself
WAIT_S = 0.3  # work that may go within this time is waited for
_RESULT_TTL_S = 0  # nobody reads results; RQ would keep 5 KB for each
_FAILURE_TTL_S = 3600


# What is ready, of all stages, in Redis.  Each script is atomic.
#
# KEYS: ready work of a stage, the stage's call.
# ARGV: item, not before, a mark ('' none), its life, life of a call ('' makes none).
# -> 0 the mark stands already | 1 put | 2 put, and the caller must call
_PUT = """
if ARGV[3] ~= '' and not redis.call('SET', ARGV[3], '1', 'NX', 'EX', ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
if ARGV[5] ~= '' and redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[5]) then return 2 end
return 1
"""

# KEYS: ready work of the stages that the caller serves, by priority; then their calls.
# ARGV: now, life of a call, beginning of marks; then the stages' names.
# Takes the first item and lifts the marks of its jobs, so that their like may be put again; if there is more, calls.
# -> {place of the stage, item, place of the stage that the caller must call (0: none)}
#    | {0, when the next item may go ('' none)}
_TAKE = """
local stages = #KEYS / 2
local taken, more, soonest = nil, 0, ''
for place = 1, stages do
  local key = KEYS[place]
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', ARGV[1], 'LIMIT', 0, taken and 1 or 2)
  if due[1] and not taken then
    taken = {place, due[1]}
    redis.call('ZREM', key, due[1])
    if due[2] then more = place break end
  elseif due[1] then
    more = place
    break
  end
end
if taken then
  taken[3] = more > 0 and redis.call('SET', KEYS[stages + more], '1', 'NX', 'EX', ARGV[2]) and more or 0
  local item, jobs = cjson.decode(taken[2]), {}
  if item[1] == 'stage' then jobs = {item[3]} end
  if item[1] == 'watch_many' then for _, job in ipairs(item[2]) do jobs[#jobs + 1] = job[1] end end
  for _, job in ipairs(jobs) do redis.call('DEL', ARGV[3] .. ARGV[3 + taken[1]] .. ':' .. job) end
  return taken
end
for place = 1, stages do
  local first = redis.call('ZRANGE', KEYS[place], 0, 0, 'WITHSCORES')
  if first[2] and (soonest == '' or tonumber(first[2]) < tonumber(soonest)) then soonest = first[2] end
end
return {0, soonest}
"""


@dataclass(frozen=True)
class Item:
    """A function of `sidecar.tasks` and its arguments, ready in a stage."""

    stage: str
    name: str
    args: list[Any]


class RqQueue:
    """Work that is ready, and RQ, which calls the workers to it.

    Ready work lies in a sorted set for each stage (member: function and arguments as JSON; score: not before, Unix
    seconds). RQ's queues, which have the stages' names, carry calls: "come to this stage". One call for a stage stands
    there at a time, and a worker that follows it works until nothing is ready. An RQ job costs some sixty commands to
    Redis, more than most stages do, so a rush of hundreds of jobs is worked off by a few calls.

    A mark in Redis keeps the same work from waiting twice. It is lifted when the work begins, so that whatever comes
    due meanwhile is queued again.
    """

    def __init__(self, connection: redis.Redis, *, clock: Callable[[], float] = time.time):
        """`connection`: without decode_responses, as RQ wants it."""
        self._redis = connection
        self._clock = clock
        self._queues = {name: Queue(name, connection=connection, serializer=JSONSerializer) for name in STAGES}
        self._put_script, self._take_script = connection.register_script(_PUT), connection.register_script(_TAKE)
        self.serves: Sequence[str] = STAGES  # the stages of this process' worker, by priority
        self._at_work = False
        self._begun: set[str] = set()  # marks of the work at hand: they are gone already
        self._at_single_job = False  # and not at a piece of work that may go on for long with others
        self._own: Item | None = None  # what this worker goes on with by itself
        self._gathered: list[tuple[str, list[Any]]] | None = None  # (stage, arguments of _PUT) of what is put together

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put inside the block, by this thread's worker, goes to Redis at its end, in one round trip."""
        self._gathered = []
        try:
            yield
        finally:
            puts, self._gathered = self._gathered, None
            if puts:
                with self._redis.pipeline(transaction=False) as pipe:
                    for stage, args in puts:
                        self._put_script([_ready(stage), _call(stage)], args, client=pipe)
                    outcomes = pipe.execute()
                for (stage, _), outcome in zip(puts, outcomes, strict=True):
                    if outcome == 2:
                        self._enqueue_call(stage)

    def stage(self, stage: str, job_id: str, attempt: int) -> bool:
        """Queue one stage of one job; False when it stands there already (`together`: True in any case).

        A worker at a single job that serves the next stage, too, keeps that to itself and goes on with it: two round
        trips less. What it has in its hands when it dies comes due again, as everything does.
        """
        if self._at_single_job and self._own is None and stage in self.serves:
            self._own = Item(stage, "stage", [stage, job_id, attempt])
            return True
        return self._put(stage, "stage", stage, job_id, attempt, mark=_mark(stage, job_id))

    def watch(self, jobs: Sequence[tuple[str, int]]) -> None:
        """Queue polls of many jobs as one piece of work: one connection to Upsampler serves them all.

        A job whose poll stands in the queue already is left out, or a slow Upsampler would fill the queue.
        """
        if len(jobs) == 1:
            job_id, attempt = jobs[0]
            self._put("watch", "watch_many", [[job_id, attempt]], mark=_mark("watch", job_id))
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id, attempt in jobs:
                pipe.set(_mark("watch", job_id), attempt, nx=True, ex=MARK_S)
            fresh = [list(job) for job, new in zip(jobs, pipe.execute(), strict=True) if new]
        if fresh:
            self._put("watch", "watch_many", fresh)

    def flush(self, lane: str, *, at: float = 0) -> None:
        """`at`: not before (Unix seconds)."""
        self._put(lane, "flush", lane, at=at)

    def task(self, queue: str, name: str, *args: str | int) -> None:
        """Queue another function of `sidecar.tasks`, by name."""
        self._put(queue, name, *args)

    def begin(self, stage: str, job_id: str) -> None:
        """The work begins: its like may be queued again."""
        mark = _mark(stage, job_id)
        if mark in self._begun:
            self._begun.discard(mark)
        else:
            self._redis.delete(mark)

    def workers(self) -> int:
        """How many workers are alive. RQ's own count goes on naming those that were killed, for minutes or hours."""
        return living(self._redis)

    def depths(self) -> dict[str, int]:
        """Pieces of work that wait, by stage."""
        with self._redis.pipeline(transaction=False) as pipe:
            for stage in STAGES:
                pipe.zcard(_ready(stage))
            return dict(zip(STAGES, pipe.execute(), strict=True))

    def waiting(self) -> list[Item]:
        """All that waits, the first to go first, by stage."""
        return [_item(stage, text) for stage in STAGES for text in self._redis.zrange(_ready(stage), 0, -1)]

    # ------------------------------------------------------------------ the worker's side
    def work_off(self, stage: str, run: Callable[[Item], None]) -> None:
        """Follow a call: run what is ready in the stages that this process serves, by priority, until nothing is.

        1. The call is taken away, so that work put from now on calls again. 2. Take one piece; if there is more, call
        another worker to it. 3. Run it. 4. After some seconds leave, and call again, so that RQ's worker sees signals.
        What was taken and not finished, because we died, comes due again in the timetable.
        """
        self._redis.delete(_call(stage))
        until = time.monotonic() + WORK_S
        self._at_work = True
        try:
            while time.monotonic() < until:
                item = self.take()
                if item is None:
                    return
                run(item)
        finally:
            self._at_work = self._at_single_job = False
            self._begun.clear()
            if self._own:
                own, self._own = self._own, None
                self.stage(*own.args)
            self.wake(self.serves)  # after a slice, or when a piece of work has raised

    def wake(self, stages: Sequence[str] = STAGES) -> None:
        """Call workers to ready work that nobody was called to; for the clock, should a call have been lost."""
        now = self._clock()
        with self._redis.pipeline(transaction=False) as pipe:
            for stage in stages:
                pipe.zcount(_ready(stage), "-inf", now)
            waiting = pipe.execute()
        for stage, depth in zip(stages, waiting, strict=True):
            if depth:
                self._call(stage)

    def take(self) -> Item | None:
        """The next piece of work; waits for one that may go within a moment. None: nothing is ready."""
        if self._own:
            own, self._own = self._own, None
            return self._taken(own)
        keys = [key(stage) for key in (_ready, _call) for stage in self.serves]
        while True:
            now = self._clock()
            place, what, *call = self._take_script(keys=keys, args=[now, CALL_S, _MARKS, *self.serves])
            if place:
                break
            if not what or float(what) - now > WAIT_S:
                return None
            time.sleep(min(max(float(what) - now, 0.001), 0.02))
        if call[0]:
            self._enqueue_call(self.serves[call[0] - 1])
        return self._taken(_item(self.serves[place - 1], what))

    def _taken(self, item: Item) -> Item:
        jobs = _jobs(item)
        self._begun = {_mark(item.stage, job_id) for job_id in jobs}
        self._at_single_job = self._at_work and len(jobs) == 1
        return item

    def _put(self, stage: str, name: str, *args, mark: str = "", at: float = 0) -> bool:
        calls = not (self._at_work and stage in self.serves)  # whoever works here sees it when he is done
        arguments = [
            json.dumps([stored(TASKS, name), *args]),
            at or self._clock(),
            mark,
            MARK_S,
            CALL_S if calls else "",
        ]
        if self._gathered is not None:
            self._gathered.append((stage, arguments))
            return True
        outcome = self._put_script([_ready(stage), _call(stage)], arguments)
        if outcome == 2:
            self._enqueue_call(stage)
        return outcome > 0

    def _call(self, stage: str) -> None:
        if self._redis.set(_call(stage), "1", nx=True, ex=CALL_S):
            self._enqueue_call(stage)

    def _enqueue_call(self, stage: str) -> None:
        self._queues[stage].enqueue_call(
            "sidecar.tasks.work",
            args=(stage,),
            timeout=-1,  # each piece of work has its own
            result_ttl=_RESULT_TTL_S,
            failure_ttl=_FAILURE_TTL_S,
            description="work",
        )


def _ready(stage: str) -> str:
    return f"smi:ready:{stage}"


def _call(stage: str) -> str:
    return f"smi:called:{stage}"


_MARKS = "smi:queued:"


def _mark(stage: str, job_id: str) -> str:
    return f"{_MARKS}{stage}:{job_id}"


def _jobs(item: Item) -> list[str]:
    """The jobs whose marks _TAKE has lifted."""
    if item.name == "stage":
        return [item.args[1]]
    return [job_id for job_id, _ in item.args[0]] if item.name == "watch_many" else []


def _item(stage: str, text: bytes) -> Item:
    name, *args = json.loads(text)
    return Item(stage, known_as(TASKS, name), args)
