"""Adapter: how long unsettled jobs have been in their states. Depth alone does not tell that somebody is stuck."""

from __future__ import annotations

from collections.abc import Callable

import redis

from ...core.states import LANES, SETTLED
from ...core.stored_names import JOB_FIELDS, Keys, stored

# KEYS: schedule.  ARGV: field of the time at which a job came into its state, beginning of the hashes' names.
# -> state, earliest time, state, …
# Job hashes are named by the ids in the schedule: one answer instead of thousands.
_OLDEST = """
local oldest = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local row = redis.call('HMGET', ARGV[2] .. id, 'state', ARGV[1])
  local since = tonumber(row[2] or '')
  if row[1] and since and (not oldest[row[1]] or since < oldest[row[1]]) then oldest[row[1]] = since end
end
local flat = {}
for state, since in pairs(oldest) do
  flat[#flat + 1] = state
  flat[#flat + 1] = tostring(since)
end
return flat
"""


class RedisAges:
    """Each question for the oldest looks at all unsettled jobs, in one script."""

    def __init__(self, connection: redis.Redis, keys: Keys, clock: Callable[[], float]):
        self._redis, self._keys, self._clock = connection, keys, clock
        self._oldest = connection.register_script(_OLDEST)

    def oldest(self) -> dict[str, float]:
        """Seconds since the oldest unsettled job of each state came into it."""
        flat = self._oldest(keys=[self._keys.due], args=[stored(JOB_FIELDS, "stage_since"), self._keys.job("")])
        now, found = self._clock(), dict(zip(flat[::2], flat[1::2], strict=True))
        return {state: now - float(since) for state, since in found.items() if state not in SETTLED}

    def is_busy(self) -> bool:
        """Whether a job is unsettled or a message waits: else nothing can come due. (Empty sets do not exist.)"""
        return self._redis.exists(self._keys.due, *map(self._keys.outbox, LANES)) > 0
