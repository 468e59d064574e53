"""A real redis-server of our own."""

from collections.abc import Sequence
from pathlib import Path

import redis

from tests.testbed.places import reserve_port
from tests.testbed.process import Process, StartFailed
from tests.testbed.system import find_program


class RedisServer(Process):
    """Keeps its data in `folder`: with `aof`, what was written survives a kill and a restart.

    `maxmemory` is in Redis' own notation ("64mb"), "0" is no limit.
    """

    def __init__(
        self,
        folder: Path,
        *,
        aof: bool = False,
        fsync: str = "everysec",
        maxmemory: str = "0",
        policy: str = "noeviction",
        port: int | None = None,
    ) -> None:
        super().__init__("redis", folder)
        self.aof, self.fsync, self.maxmemory, self.policy = aof, fsync, maxmemory, policy
        self.port = port or reserve_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        if (program := find_program("redis-server")) is None:
            raise StartFailed("there is no redis-server here: python -m tests.testbed.system redis")
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self.aof else "no",
            "appendfsync": self.fsync,
            "maxmemory": self.maxmemory,
            "maxmemory-policy": self.policy,
        }
        return [program, *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def is_ready(self) -> bool:
        client = self.client()
        try:
            return bool(client.ping())
        except redis.ConnectionError:  # also while it still loads its data
            return False
        finally:
            client.close()

    def client(self) -> redis.Redis:
        """A new client: close it."""
        return redis.Redis(port=self.port)

    def flush(self) -> None:
        client = self.client()
        client.flushall()
        client.close()
