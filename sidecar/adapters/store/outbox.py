"""Adapter: messages that wait for the shop. One sender a lane, so that order holds and requests are shared."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

from ...core.stored_names import WAKE_UP_S, Keys
from . import scripts

LOCK_MS = 12_000  # the right to flush a lane lives this long without renewal
LEFT_S = 2  # the right of a sender that may be dead lives this long
# The batching delay between two flushes of a lane grows with the size of the last flush. So a single message goes at
# once, and a rush shares its requests. It stays short, since the ledger does not know yet what waits here (Upsampler's
# id, for one).
DELAY_MS_FOR_EACH, MOST_DELAY_MS = 20, 150


class RedisOutbox:
    """Lanes of messages: `deliver` for what is quick in WordPress, `settle` for refunds, which wait for the bank."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        *,
        clock: Callable[[], float] = time.time,
        notify_worker: Callable[[str], None] = lambda lane: None,
    ):
        """`notify_worker`: brings a sender to a lane. One is notified of the first message since the last flush."""
        self._redis = connection
        self._keys = keys
        self._clock = clock
        self._notify_worker = notify_worker
        register = connection.register_script
        self._put, self._ready, self._defer, self._done, self._keep, self._unlock, self._wake_up = (
            register(text)
            for text in (
                scripts.PUT,
                scripts.READY,
                scripts.DEFER,
                scripts.DONE,
                scripts.KEEP_LOCK,
                scripts.UNLOCK,
                scripts.WAKE_UP,
            )
        )

    def put(self, lane: str, messages: Sequence[dict[str, Any]], *, along_s: float | None = None) -> None:
        """Add messages {"id", "type", "data"}. A message whose id waits already replaces the body and keeps the place.

        `along_s`: the messages wake no worker and go with the next flush, or alone after so many seconds.
        """
        if not messages:
            return
        args = [part for message in messages for part in (message["id"], dump(message))]
        alone_at = "" if along_s is None else self._clock() + along_s
        keys = [*written_keys(self._keys, lane), self._keys.outbox_later(lane)]
        if self._put(keys=keys, args=[WAKE_UP_S, alone_at, *args]):
            self._notify_worker(lane)

    def ready(self, lane: str, *, limit: int) -> list[dict[str, Any]]:
        """Up to `limit` messages that may go now, in the order of their arrival. They stay until `done`. Messages
        put with `along_s` come only beside others."""
        bodies = self._ready(keys=self._kept(lane), args=[self._clock(), limit])
        return [json.loads(body) for body in bodies]

    def done(self, lane: str, messages: Sequence[dict[str, Any]]) -> None:
        """Remove messages that were sent; a message that was replaced meanwhile stays."""
        self._remove(lane, [part for message in messages for part in (message["id"], dump(message))])

    def drop(self, lane: str, ids: Sequence[str]) -> None:
        """Remove messages by id, sent or not."""
        self._remove(lane, [part for id in ids for part in (id, "")])

    def _remove(self, lane: str, args: list[str]) -> None:
        if args:
            self._done(keys=self._kept(lane), args=args)

    def defer(self, lane: str, ids: Sequence[str], *, until: float) -> None:
        """Keep messages back until `until` (Unix seconds); others may go meanwhile."""
        if ids:
            self._defer(keys=[self._keys.outbox(lane), self._keys.outbox_later(lane)], args=[until, *ids])

    def next_at(self, lane: str) -> float | None:
        """When a message may go at the earliest (in the past: now), or None when the lane is empty."""
        later, now = self._keys.outbox_later(lane), self._clock()
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.zcard(self._keys.outbox(lane))
            pipe.zcount(later, f"({now}", "+inf")
            pipe.zrange(later, f"({now}", "+inf", byscore=True, offset=0, num=1, withscores=True)
            waiting, deferred, first = pipe.execute()
        if waiting == 0:
            return None
        return first[0][1] if deferred >= waiting else now

    def waiting(self, lane: str) -> int:
        return self._redis.zcard(self._keys.outbox(lane))

    # ------------------------------------------------------------------ one sender at a time
    def lock(self, lane: str) -> str | None:
        """The right to flush a lane for 12 s (renew it), or None while another has it."""
        token = secrets.token_hex(6)
        return token if self._redis.set(self._keys.flushing(lane), token, nx=True, px=LOCK_MS) else None

    def renew_lock(self, lane: str, token: str) -> bool:
        return self._keep(keys=[self._keys.flushing(lane)], args=[token, LOCK_MS]) == 1

    def unlock(self, lane: str, token: str) -> bool:
        """Whether a wake-up came since this flush began, and the lane is not paused: another sender may have come and
        left again."""
        of = self._keys
        return self._unlock(keys=[of.flushing(lane), of.wake_up(lane), of.outbox_paused(lane)], args=[token]) == 1

    def leave_to_sender(self, lane: str) -> None:
        """Leave new messages to the sender that has the right: no other is woken for them. The mark expires soon, in
        case that sender dies."""
        self._redis.expire(self._keys.wake_up(lane), LEFT_S)

    # ------------------------------------------------------------------ how long the shop has been away
    def failures(self, lane: str) -> int:
        """How often in a row the shop was away."""
        return int(self._redis.get(self._keys.outbox_failures(lane)) or 0)

    def count_failure(self, lane: str) -> int:
        return self._redis.incr(self._keys.outbox_failures(lane))

    def clear_failures(self, lane: str) -> None:
        """The shop has answered on one lane: the count and the note of `note_away` are removed."""
        self._redis.delete(self._keys.outbox_failures(lane), self._keys.away)

    def note_away(self, reason: str, detail: str) -> None:
        """Note why the shop did not take a message, and since when; the status shows it."""
        before = self.away()
        since = before["since"] if before else self._clock()
        self._redis.set(self._keys.away, dump({"reason": reason, "detail": detail, "since": since}))

    def note_reached(self) -> None:
        self._redis.delete(self._keys.away)

    def away(self) -> dict[str, Any] | None:
        """{"reason", "detail", "since"} while the shop does not take our messages."""
        kept = self._redis.get(self._keys.away)
        return json.loads(kept) if kept else None

    def pause(self, lane: str, *, seconds: float) -> None:
        """Pause the whole lane: the shop is away, and one message finds out when it is back."""
        self._redis.set(self._keys.outbox_paused(lane), "1", px=max(1, int(seconds * 1000)))

    # ------------------------------------------------------------------ one wake-up is enough
    def wake_up(self, lane: str) -> None:
        """Notify a worker of a lane whose messages may go now, unless one is notified already or the lane is paused."""
        if self._wake_up(keys=written_keys(self._keys, lane)[3:], args=[WAKE_UP_S]):
            self._notify_worker(lane)

    def begin_flush(self, lane: str) -> None:
        """Remove the wake-up mark: the next message wakes a worker again."""
        self._redis.delete(self._keys.wake_up(lane))

    def begin_batching_delay(self, lane: str, messages: int) -> None:
        """Begin the batching delay that follows a flush of so many messages."""
        self._redis.set(self._keys.batching_delay(lane), "1", px=min(DELAY_MS_FOR_EACH * messages, MOST_DELAY_MS))

    def batching_delay(self, lane: str) -> float:
        """Seconds until the next flush may begin; 0: now."""
        return max(0, self._redis.pttl(self._keys.batching_delay(lane))) / 1000

    def _kept(self, lane: str) -> list[str]:
        return [self._keys.outbox(lane), self._keys.outbox_bodies(lane), self._keys.outbox_later(lane)]


def dump(message: dict[str, Any]) -> str:
    """A message as canonical JSON, to compare it with the stored one."""
    return json.dumps(message, separators=(",", ":"))


def written_keys(keys: Keys, lane: str) -> list[str]:
    """The keys of a script that puts messages: the lane, its bodies, counter, pause and wake-up."""
    kinds = (keys.outbox, keys.outbox_bodies, keys.outbox_counter, keys.outbox_paused, keys.wake_up)
    return [of(lane) for of in kinds]
