"""A stand-in for a Redis server that is up and refuses: by a word to each command, or by one at the door."""

import socket
import threading
from types import TracebackType
from typing import Self

OK = b"+OK\r\n"


class RefusingRedis:
    """A context manager. `answers`: what each connection hears to every command, the last one for all later ones;
    `at_the_door`: it is said before any command, and the connection ends."""

    def __init__(self, *answers: str, at_the_door: bool = False, port: int = 0) -> None:
        self._answers = [OK if answer == "OK" else f"-{answer}\r\n".encode() for answer in answers]
        self._at_the_door = at_the_door
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._open: list[socket.socket] = []

    def _accept(self) -> None:
        while True:  # ends: __exit__ closes the listener
            try:
                peer, _ = self._listener.accept()  # ends: __exit__ closes it
            except OSError:
                return
            answer = self._answers[min(self.connections, len(self._answers) - 1)]
            self.connections += 1
            self._open.append(peer)
            threading.Thread(target=self._talk, args=(peer, answer), daemon=True).start()

    def _talk(self, peer: socket.socket, answer: bytes) -> None:
        try:
            if self._at_the_door:
                peer.sendall(answer)
                peer.shutdown(socket.SHUT_WR)
            while asked := peer.recv(1 << 16):  # ends: __exit__ shuts it down
                if not self._at_the_door:
                    peer.sendall(answer * (asked.count(b"\r\n*") + asked.startswith(b"*")))
        except OSError:
            pass
        finally:
            peer.close()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                peer.close()
