"""Adapter: answers to messages in Redis, so that a repeated message gets the same answer."""

from __future__ import annotations

import json
from typing import Any

import redis

from ...core.stored_names import Keys


class RedisIdempotency:
    """One key a message, which expires."""

    def __init__(self, connection: redis.Redis, keys: Keys):
        self._redis = connection
        self._keys = keys

    def remembered(self, message_id: str) -> dict[str, Any] | None:
        text = self._redis.get(self._keys.answer(message_id))
        return json.loads(text) if text else None

    def remember(self, message_id: str, answer: dict[str, Any], *, ttl_s: int) -> bool:
        """Keep an answer; False when one is there already."""
        return bool(self._redis.set(self._keys.answer(message_id), json.dumps(answer), nx=True, ex=ttl_s))
