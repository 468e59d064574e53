"""Adapter: what version 1.0 kept under names without the site becomes this site's, job by job, and the old names go.

The ledger would bring the jobs back as well. It knows neither an admin's holds nor what the outbox has not told it yet.
"""

from __future__ import annotations

from collections.abc import Iterator

import redis

from ...core.states import LANES, QUEUES
from ...core.stored_names import Keys, OldKeys

OLD = OldKeys()
# The words behind `smi:`. Other programs may use the same database, and the same beginning.
KINDS = {
    key.split(":")[1]
    for key in (
        *(OLD.job(""), OLD.due, OLD.states, OLD.slots, OLD.waiting, OLD.hints, OLD.answer(""), OLD.outbox("")),
        *(OLD.flushing(""), OLD.wake_up(""), OLD.batching_delay(""), OLD.away, OLD.held, OLD.streak(""), OLD.probe("")),
        *(OLD.ready(""), OLD.queued("", ""), OLD.called(""), OLD.alive(""), OLD.outage, OLD.workers, OLD.interval("")),
        *(OLD.name, OLD.ping, OLD.metrics),
    )
}

_ALONE = (OLD.answer(""), OLD.hints, OLD.name)  # what the names of keys begin with that stand for themselves


def _of_lane(keys: Keys, lane: str) -> list[str]:
    return [of(lane) for of in (keys.outbox, keys.outbox_bodies, keys.outbox_later, keys.outbox_counter)]


_ONE_BY_ONE = {
    *(key for lane in LANES for key in _of_lane(OLD, lane)),
    *(OLD.due, OLD.slots, OLD.waiting, OLD.states, OLD.held, OLD.held_by_admin, OLD.metrics),
    *map(OLD.ready, QUEUES),
}

# KEYS: old hash, new hash, then old and new: schedule, slots; new counts.  ARGV: id.
# What is here already is newer, and stays.  -> 1 the job has come over | 0
_JOB = """
local moved = 0
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('RENAME', KEYS[1], KEYS[2])
  local due = redis.call('ZSCORE', KEYS[3], ARGV[1])
  if due then redis.call('ZADD', KEYS[4], due, ARGV[1]) end
  if redis.call('SISMEMBER', KEYS[5], ARGV[1]) == 1 then redis.call('SADD', KEYS[6], ARGV[1]) end
  redis.call('HINCRBY', KEYS[7], redis.call('HGET', KEYS[2], 'state'), 1)
  moved = 1
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
return moved
"""

# KEYS: old lane, its bodies, its deferrals, its counter; new lane, its bodies, its deferrals, its counter.
# In their order, behind what waits here.  -> number of messages
_LANE = """
local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
for _, id in ipairs(ids) do
  if not redis.call('ZSCORE', KEYS[5], id) then
    redis.call('ZADD', KEYS[5], redis.call('INCR', KEYS[8]), id)
    redis.call('HSET', KEYS[6], id, redis.call('HGET', KEYS[2], id))
    for _, deferral in ipairs({id, '~' .. id}) do
      local at = redis.call('ZSCORE', KEYS[3], deferral)
      if at then redis.call('ZADD', KEYS[7], at, deferral) end
    end
  end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return #ids
"""


def take_over(connection: redis.Redis, keys: Keys) -> int:
    """Returns how many jobs have come over. Safe to repeat, at any time: a process of the old version that still runs
    makes its keys again. `connection`: with text answers.

    1. The messages, 2. the jobs, each in one script, so that no reader sees half of it; 3. what stands for itself;
    4. what only a process of before could have used is removed. What such a process writes meanwhile waits for the next
    look: nothing goes that has not come over.
    """
    if not (found := set(_old(connection))):
        return 0
    _lanes(connection, keys)
    moved = _jobs(connection, keys, found)
    _others(connection, keys, found)
    if left := [key for key in found if not _comes_over(key)]:
        connection.delete(*left)
    return moved


def _comes_over(key: str) -> bool:
    """Whether a step before the last has to do with it, and removes the old one itself."""
    return key in _ONE_BY_ONE or key.startswith((OLD.job(""), *_ALONE))


def _old(connection: redis.Redis) -> Iterator[str]:
    return (key for key in connection.scan_iter("smi:*", count=1000) if key.split(":")[1] in KINDS)


def _lanes(connection: redis.Redis, keys: Keys) -> None:
    script = connection.register_script(_LANE)
    for lane in LANES:
        script(keys=[*_of_lane(OLD, lane), *_of_lane(keys, lane)])


def _jobs(connection: redis.Redis, keys: Keys, found: set[str]) -> int:
    script, begin = connection.register_script(_JOB), OLD.job("")
    ids = {key.removeprefix(begin) for key in found if key.startswith(begin)}
    ids |= {str(id) for id in (*connection.zrange(OLD.due, 0, -1), *connection.smembers(OLD.slots))}
    pairs = [OLD.due, keys.due, OLD.slots, keys.slots, keys.states]
    return sum(script(keys=[OLD.job(id), keys.job(id), *pairs], args=[id]) for id in ids)


def _others(connection: redis.Redis, keys: Keys, found: set[str]) -> None:
    with connection.pipeline(transaction=True) as pipe:
        for old, new in ((OLD.held, keys.held), (OLD.held_by_admin, keys.held_by_admin)):
            for stage, why in connection.hgetall(old).items():
                pipe.hsetnx(new, stage, why)
        for figure, value in connection.hgetall(OLD.metrics).items():
            pipe.hincrbyfloat(keys.metrics, figure, float(value))
        pairs = [(OLD.waiting, keys.waiting), *((OLD.ready(queue), keys.ready(queue)) for queue in QUEUES)]
        for old, new in pairs:
            if old in found:
                pipe.zunionstore(new, [new, old], aggregate="MIN")
        alone = [key for key in found if key.startswith(_ALONE)]
        for key in alone:
            pipe.renamenx(key, keys.instead_of(key))
        pipe.delete(OLD.held, OLD.held_by_admin, OLD.metrics, OLD.states, *(old for old, _ in pairs), *alone)
        answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and "no such key" not in str(answer):  # one that has expired meanwhile
            raise answer
