"""Adapter: urllib3 connections that let a `dial` function open the socket, and show the socket to a `watch` function.

urllib3 looks a name up inside the connection, out of reach; here the caller's `dial` does it, judges, and connects.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from sidecar.adapters.fetch.tls import tls_context

Dial = Callable[[str, int, float | None, Any], socket.socket]
Watch = Callable[[socket.socket], None]


# What is mixed in is a connection for the type checker only: at run time each class has one base with sockets.
if TYPE_CHECKING:
    _Base = HTTPConnection
else:
    _Base = object


class _Dialled(_Base):
    """Mixed into urllib3's connection classes; `dial` and `watch` are set by `pool_classes`."""

    dial: Dial
    watch: Watch

    def _new_conn(self) -> socket.socket:
        try:
            return self.dial(self._dns_host, self.port, self.timeout, self.socket_options)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"connecting to {self.host} timed out") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"no connection to {self.host}: {error}") from error

    def getresponse(self) -> Any:
        self.watch(self.sock)
        return super().getresponse()


def pool_classes(dial: Dial, watch: Watch, tls: Callable = tls_context) -> dict[str, type[HTTPConnectionPool]]:
    """For `PoolManager.pool_classes_by_scheme`.

    `dial`: (host, port, timeout in seconds, socket options) → a socket that is connected; what it raises of OSError
    becomes urllib3's. `watch`: is shown the socket before each answer is read. `tls`: asked at the first https
    connection.
    """
    ways = {"dial": staticmethod(dial), "watch": staticmethod(watch)}

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = type("PlainConnection", (_Dialled, HTTPConnection), ways)

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = type("TlsConnection", (_Dialled, HTTPSConnection), ways)

        def __init__(self, host: str, port: int | None = None, **options: Any):
            super().__init__(host, port, **{**options, "ssl_context": tls()})

    return {"http": PlainPool, "https": TlsPool}
