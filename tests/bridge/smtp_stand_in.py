"""A mail server that takes everything, and remembers over which connection it came."""

from __future__ import annotations

import socketserver
import threading
from typing import Self


class SmtpStandIn(socketserver.ThreadingTCPServer):
    """`connections`: the recipients of each, in their order. `refuses`: addresses that it refuses; `rejects`: those
    whose mail it takes no data of, as a filter does. `most`: mails that it takes over one connection; then it hangs up.
    A context manager."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, refuses: tuple[str, ...] = (), rejects: tuple[str, ...] = (), most: int = 1000) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.port = int(self.server_address[1])
        self.refuses, self.rejects, self.most = refuses, rejects, most
        self.connections: list[list[str]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join(10)
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: SmtpStandIn
    timeout = 20

    def handle(self) -> None:
        mails: list[str] = []
        self.server.connections.append(mails)
        self._say("220 stand-in")
        recipient, is_open = "", False
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "QUIT":
                self._say("221 bye")
                return
            if verb == "MAIL" and len(mails) >= self.server.most:
                self._say("421 too many")
                return
            if verb == "MAIL" and is_open:
                self._say("503 nested MAIL command")
                continue
            if verb in ("MAIL", "RSET"):
                is_open = verb == "MAIL"
            if verb == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
                if recipient in self.server.refuses:
                    self._say("550 nobody")
                    continue
            if verb == "DATA" and recipient in self.server.rejects:
                self._say("554 no")
                continue
            if verb == "DATA":
                self._say("354 go on")
                while self.rfile.readline() != b".\r\n":
                    pass
                mails.append(recipient)
                is_open = False
            self._say("250 ok")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())
