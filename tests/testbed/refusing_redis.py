"""A stand-in for a Redis server that is up and refuses: by a word to each command, or by one at the door."""

import socket
import threading

from tests.testbed.listening import Listening

OK = b"+OK\r\n"


class RefusingRedis(Listening):
    """`answers`: what each connection hears to every command, the last one for all later ones; `at_the_door`: it is
    said before any command, and the connection ends."""

    def __init__(self, *answers: str, at_the_door: bool = False, port: int = 0) -> None:
        super().__init__(socket.create_server(("127.0.0.1", port)))
        self._answers = [OK if answer == "OK" else f"-{answer}\r\n".encode() for answer in answers]
        self._at_the_door = at_the_door
        self.connections = 0
        self._counting = threading.Lock()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def _talk(self, client: socket.socket) -> None:
        with self._counting:
            answer = self._answers[min(self.connections, len(self._answers) - 1)]
            self.connections += 1
        if self._at_the_door:
            client.sendall(answer)
            client.shutdown(socket.SHUT_WR)
        while asked := client.recv(1 << 16):  # ends: the client closes it, or stop cuts it
            if not self._at_the_door:
                client.sendall(answer * (asked.count(b"\r\n*") + asked.startswith(b"*")))
