"""Adapter: working memory in Redis. Every change is one Lua script, so that no reader sees half of one."""

from .jobs import RedisJobStore
from .outbox import RedisOutbox

__all__ = ["RedisJobStore", "RedisOutbox"]
