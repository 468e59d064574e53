"""Adapter: answers to messages in Redis, so that a repeated message gets the same answer."""

from __future__ import annotations

import json
from typing import Any

import redis


class RedisIdempotency:
    """`smi:answer:<message id>`, which expires."""

    def __init__(self, connection: redis.Redis):
        self._redis = connection

    def remembered(self, message_id: str) -> dict[str, Any] | None:
        text = self._redis.get(f"smi:answer:{message_id}")
        return json.loads(text) if text else None

    def remember(self, message_id: str, answer: dict[str, Any], *, ttl_s: int) -> bool:
        """Keep an answer; False when one is there already."""
        return bool(self._redis.set(f"smi:answer:{message_id}", json.dumps(answer), nx=True, ex=ttl_s))
