"""Web: gunicorn's thread worker, for slow clients and with connections shared out evenly.

* Waiting costs no thread: a request is given to one when all its bytes are there (arrival.py), and a file that its
  reader does not take at once goes on in the sender's (sender.py). A client may be as slow as the bounds there allow.
* Some threads are for signed messages and the probe only: whatever the public doors do, the shop is heard.
* A kept connection stays with the process that has accepted it. Left to chance, one process gets most of a proxy's
  connections and works alone on one CPU while the others have nothing to do: measured, half of the messages a second.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from .answer import ANSWER_S, Broken, answered
from .arrival import Arrival
from .board import board
from .sender import Sender

HESITATION_S = 0.001  # so long a process with more connections leaves a new one to the others
NOTIFIED_EVERY_S = 1  # gunicorn's master looks once a second, and waits half a minute for a change
OURS = (b"POST /messages HTTP/", b"GET /healthz HTTP/")
LARGE_AT_ONCE = 4  # bodies above arrival.SMALL_BODY: signed messages of a MiB, which nobody sends by the dozen
LINGER_S, LINGER_BYTES = 2, 64 << 10  # so that a client reads our last words before the connection is reset
LOGGED_EVERY_S = 60  # a stranger must not fill the log
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)
_STATUS = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
}


class FairWorker(ThreadWorker):
    """Takes a new connection at once only when no other process has fewer. `age` numbers gunicorn's workers."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._waiting: dict[TConn, float] = {}  # connections on the poller that are not idle → until when
        self._large: set[TConn] = set()
        self._for_messages = max(1, self.cfg.threads // 4)
        self._for_strangers = max(1, self.cfg.threads - self._for_messages)
        self._strangers = 0  # threads that work for them now
        self._line: deque[TConn] = deque()
        self._look_again = self._log_again = self._notify_again = 0.0
        self._sender = Sender()

    def init_process(self) -> None:
        """gunicorn: in the new process, before its loop, which does not return."""
        self._sender.start()
        super().init_process()

    def get_thread_pool(self):
        """gunicorn: as many threads as strangers and signed messages may occupy together."""
        return ThreadPoolExecutor(max_workers=self._for_strangers + self._for_messages)

    def load_wsgi(self) -> None:
        """gunicorn: the application is there, and with it how much of a body each door takes."""
        super().load_wsgi()
        self._body_limit = getattr(self.wsgi, "body_limit", lambda method, path: 1 << 20)

    def notify(self) -> None:
        """gunicorn: called in each turn of the loop, of which a message takes some four."""
        if (now := time.monotonic()) >= self._notify_again:
            self._notify_again = now + NOTIFIED_EVERY_S
            super().notify()
        board.report(self.age, self.nr_conns)

    # ------------------------------------------------------------------ in the loop: bytes come in
    def accept(self, listener) -> None:
        """gunicorn: `listener` has a connection, for whichever process takes it first."""
        if self.nr_conns > board.least():
            time.sleep(HESITATION_S)  # then it is gone, or nobody else had the time
        if self.nr_conns >= self.worker_connections - 1 and self._waiting:
            self._drop(next(iter(self._waiting)))  # the slowest makes room
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            time.sleep(HESITATION_S)  # no file is left to be opened: the connection waits where it is
        board.report(self.age, self.nr_conns)

    def enqueue_req(self, conn: TConn) -> None:
        """gunicorn: a connection has, or will have, a request for us."""
        begun = conn.parser.unreader.take_buffered() if conn.parser else b""
        conn.sock.setblocking(False)
        now = time.monotonic()
        conn.arrival = Arrival(self._body_limit, now=now)
        if begun:
            conn.arrival.add(begun, now=now)
        if begun and (conn.arrival.whole or conn.arrival.refusal):
            self._go_on(conn)
        else:
            self._receive(conn)

    def _receive(self, conn: TConn, _socket=None) -> None:
        try:
            data = conn.sock.recv(65536)
        except BlockingIOError:
            self._wait(conn, conn.arrival.deadline, self._receive)
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
            return
        conn.arrival.add(data, now=time.monotonic())
        self._go_on(conn)

    def _go_on(self, conn: TConn) -> None:
        arrival = conn.arrival
        if arrival.large:
            self._large.add(conn)
            if len(self._large) > LARGE_AT_ONCE:
                arrival.refusal = "503 Service Unavailable"
        if arrival.refusal:
            self._refuse(conn, arrival.refusal)
        elif arrival.whole:
            self._stop_waiting(conn)
            self._dispatch(conn)
        else:
            if arrival.wants_continue:
                arrival.wants_continue = False
                with contextlib.suppress(OSError):
                    conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._wait(conn, arrival.deadline, self._receive)

    def _dispatch(self, conn: TConn) -> None:
        conn.stranger = not conn.arrival.bytes.startswith(OURS)
        if conn.stranger and self._strangers >= self._for_strangers:
            self._line.append(conn)
        else:
            self._strangers += conn.stranger
            super().enqueue_req(conn)

    # ------------------------------------------------------------------ in a thread
    def handle(self, conn: TConn) -> bool:
        """Whether the connection goes on. Nothing is read from it here: all is there."""
        request = None
        try:
            conn.init()
            conn.sock.settimeout(ANSWER_S)
            conn.parser.unreader.unread(bytes(conn.arrival.bytes))
            request = next(conn.parser)
            conn.is_last = request.should_close() and not conn.arrival.unread
            return self._keepalive_after(conn, self.handle_request(request, conn))
        except (errors.NoMoreData, StopIteration):
            return False
        except Broken as error:
            if not _is_gone(error.__cause__):
                self.log.error("An answer broke off.", exc_info=error.__cause__)
        except Exception as error:
            if not _is_gone(error):
                self.handle_error(request, conn.sock, conn.client, error)
        return False

    def handle_request(self, request, conn: TConn) -> bool:
        """The answer goes out, but for its parcel, which `finish_request` finds. Whether the connection may go on."""
        busy = not self.alive or len(self.keepalived_conns) >= self.max_keepalived
        answer = answered(self.wsgi, request, conn, self.cfg, last=conn.arrival.unread or busy)
        conn.parcel = answer.parcel
        return not answer.should_close()

    def handle_error(self, request, client, address, error) -> None:
        """A stranger's fault is a quiet line without a word of his; ours is told without the path, which is a key."""
        status = (500, "Internal Server Error")
        if isinstance(error, errors.ParseException):
            status = _STATUS.get(type(error), (400, "Bad Request"))
            if (now := time.monotonic()) >= self._log_again:
                self._log_again = now + LOGGED_EVERY_S
                line = "A request was not HTTP (%s); more of them within a minute are not told."
                self.log.warning(line, type(error).__name__)
        else:
            self.log.error("A request has failed.", exc_info=error)
        with contextlib.suppress(OSError):
            util.write_error(client, *status, "")

    # ------------------------------------------------------------------ in the loop: afterwards
    def finish_request(self, conn: TConn, future: Future) -> None:
        """gunicorn: `handle` has returned. What is left of a file goes to the sender first."""
        self._large.discard(conn)
        self._strangers -= conn.stranger
        if conn.stranger and self._line:
            self._dispatch(self._line.popleft())
        parcel, conn.parcel = getattr(conn, "parcel", None), None
        if parcel:
            conn.sock.setblocking(False)
            done = partial(self.method_queue.defer, self._sent, conn, future)
            self._sender.send(conn.sock, parcel, done)
        else:
            self._sent(conn, future, whole=True)

    def _sent(self, conn: TConn, future: Future, whole: bool) -> None:
        if whole and not future.cancelled() and not future.exception() and future.result():  # ends: it is done
            super().finish_request(conn, future)
        elif whole and not getattr(conn, "is_last", False):
            self._linger(conn)
        else:
            self._drop(conn)

    def _refuse(self, conn: TConn, status: str) -> None:
        line = f"HTTP/1.1 {status}\r\nConnection: close\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
        with contextlib.suppress(OSError):
            conn.sock.send(line.encode())
        self._linger(conn)

    def _linger(self, conn: TConn) -> None:
        """Close it when the other side does, or soon (RFC 9112, 9.6). gunicorn waits for that in its loop, which one
        client that does not close would hold up for two seconds."""
        self._large.discard(conn)
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.arrival, conn.drained = None, 0
        self._stop_waiting(conn)
        self._wait(conn, time.monotonic() + LINGER_S, self._drain)

    def _drain(self, conn: TConn, _socket=None) -> None:
        try:
            data = conn.sock.recv(16384)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.drained += len(data)
        if not data or conn.drained > LINGER_BYTES:
            self._drop(conn)

    # ------------------------------------------------------------------ in the loop: who is waited for
    def _wait(self, conn: TConn, until: float, then) -> None:
        if conn not in self._waiting:
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(then, conn))
        self._waiting[conn] = until

    def _stop_waiting(self, conn: TConn) -> None:
        if self._waiting.pop(conn, None) is not None:
            self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self._stop_waiting(conn)
        self._large.discard(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """gunicorn: called in each turn of the loop."""
        now = time.monotonic()
        if now < self._look_again and self.alive:
            return
        self._look_again = now + 0.5
        for conn, until in list(self._waiting.items()):
            if now < until and (self.alive or not conn.arrival or conn.arrival.bytes):
                continue
            if conn.arrival and conn.arrival.bytes:
                self._refuse(conn, "408 Request Timeout")
            else:
                self._drop(conn)


def _is_gone(error: BaseException | None) -> bool:
    return isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno in _GONE)


def begin(server) -> None:
    """gunicorn's hook `on_starting`."""
    board.clear()


def leave(server, worker) -> None:
    """gunicorn's hook `child_exit`: the process is dead, its connections are closed."""
    board.leave(worker.age)
