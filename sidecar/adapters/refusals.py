"""Adapter: what Redis says when it can't or may not work for us, each in words and with its cure."""

from __future__ import annotations

import redis

# Over with the next connection: it may reach the server that has taken over.
FAILED_OVER = {
    "READONLY": "this Redis is a replica: after a failover that passes, else REDIS_URL must name the primary",
    "MASTERDOWN": "this Redis is a replica that has lost its primary",
    "CLUSTERDOWN": "the Redis cluster is down",
    "TRYAGAIN": "the Redis cluster is moving its data",
    "UNBLOCKED": "this Redis has just become a replica",
}
# Not over at once: who asks again at once adds to the trouble.
LASTING = {
    "OOM": "Redis is full: raise its maxmemory (and keep noeviction)",
    "MISCONF": "Redis can't save to its disk and takes no writes: make room there, and read its log",
    "NOREPLICAS": "Redis has too few replicas to take writes",
    "BUSY": "Redis is busy with a script",
}
_PASSWORD = "in REDIS_URL, percent-encoded (# is %23, / is %2F, @ is %40, % is %25)"
_WORDS = FAILED_OVER | {
    **LASTING,
    "LOADING": "Redis is loading its data; that passes by itself",
    "NOAUTH": f"Redis asks for a password: it belongs {_PASSWORD}",
    "WRONGPASS": f"Redis refuses the user name or the password: they stand {_PASSWORD}",
    "NOPERM": "Redis forbids the user of REDIS_URL a command or a key",
}

# What a command raises while Redis is away, refusals included; other errors of Redis are faults of ours.
AWAY = (redis.ConnectionError, redis.TimeoutError)


class Refused(redis.ConnectionError):
    """As a fault of the connection it drops the connection, and whoever waits for Redis goes on waiting."""

    def __init__(self, text: str, status_code: str | None = None):
        super().__init__(f"{status_code} {text}", status_code=status_code)


class FailedOver(Refused):
    """One of FAILED_OVER: worth another connection at once."""


class TooManyClients(Refused):
    """The server's maxclients is reached."""


def lasts(error: BaseException) -> bool:
    """Whether to try again at once is of no use."""
    refusals = (Refused, redis.AuthenticationError, redis.BusyLoadingError)
    return isinstance(error, refusals) and not isinstance(error, FailedOver)


def in_words(error: redis.RedisError) -> str:
    """One sentence for people. Nothing of what we have sent is in it."""
    code = getattr(error, "status_code", None) or ""
    if code in _WORDS:
        return _WORDS[code]
    if isinstance(error, TooManyClients):
        return "Redis has as many clients as it may (max number of clients): raise its maxclients"
    if isinstance(error, redis.AuthenticationError):
        return _WORDS["WRONGPASS"]
    if isinstance(error, redis.TimeoutError):
        return "Redis does not answer in time"
    said = str(error).partition("\n")[0][:200]
    return f"Redis can't be reached: {said}" if isinstance(error, redis.ConnectionError) else f"Redis says: {said}"
