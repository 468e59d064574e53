"""Adapter: connections to Redis: the server that REDIS_URL names, else an embedded Valkey in the data folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

SOCKET = "valkey.sock"
_LONGEST_UNIX_PATH = 100  # sockaddr_un holds 108 bytes


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Valkey listens: in the data folder, or by a short name when that path is too long."""
    path = data_dir.resolve() / SOCKET
    if len(str(path)) < _LONGEST_UNIX_PATH:
        return path
    return Path("/tmp", f"smi-{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.sock")


def connect(url: str, data_dir: Path, *, decode: bool) -> redis.Redis:
    """A client; opens nothing yet. `decode`: text answers for our store; RQ wants bytes."""
    url = url or f"unix://{socket_path(data_dir)}"
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), 3)
    return redis.Redis.from_url(
        url, decode_responses=decode, retry=retry, socket_connect_timeout=5, health_check_interval=30, protocol=2
    )
