"""Adapter: one command to Redis and its answer, by redis-py without what it does on the way for others.

A command costs redis-py several times what packing, socket and parsing cost: telemetry that nobody collects here,
commands with a state of their own, a look at the type of each argument. A paid job asks Redis some thirty times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError


class Packer:
    """In the place of redis-py's: hiredis looks at the types, too. The form is RESP's:
    https://redis.io/docs/latest/develop/reference/protocol-spec/"""

    def pack(self, *args: Any) -> list[bytes]:
        """A command and its arguments as bytes. Raises redis.DataError for an argument that is no text, bytes or
        number."""
        name = args[0]
        if " " in name:  # "CONFIG GET": the server wants two words
            args = (*name.split(), *args[1:])
        try:
            return [hiredis.pack_command(args)]
        except TypeError as error:
            raise redis.DataError(str(error)) from error


class Client(redis.Redis):
    """Safe to share by threads, as redis-py's. `pipeline`, `pubsub` and the like are redis-py's own."""

    def register_script(self, script: Any) -> Script:
        return _Script(self, script)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if self.connection is not None:  # a client of one connection only
            return super().execute_command(*args, **options)
        pool = self.connection_pool
        connection = pool.get_connection()
        try:
            return connection.retry.call_with_retry(
                lambda: self._exchange(connection, args, options), lambda error: connection.disconnect()
            )
        finally:
            pool.release(connection)

    def _exchange(self, connection: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        connection.send_command(*args)
        return self.parse_response(connection, args[0], **options)


class _Script(Script):
    """By its digest in one step, as long as the server knows it."""

    def __call__(self, keys: Sequence[Any] | None = None, args: Any = None, client: Any = None) -> Any:
        if client is not None:  # a pipeline, which has to load it
            return super().__call__(keys, args, client)
        keys, args = keys or (), args or ()
        try:
            return self.registered_client.execute_command("EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return super().__call__(keys, args)
