"""Diagnostics of the PHP language server intelephense, read without an editor: its protocol over standard streams."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.testbed import reaper
from tests.testbed.node import NODE, packages

STUBS = ["Core", "SPL", "PDO", "Phar", "Reflection", "SimpleXML", "apache", "bcmath", "ctype", "curl"]
STUBS += ["date", "dom", "fileinfo", "filter", "fpm", "gd", "hash", "iconv", "intl", "json", "libxml"]
STUBS += ["mbstring", "mysqli", "openssl", "pcre", "posix", "random", "session", "standard"]
STUBS += ["superglobals", "tokenizer", "xml", "zip", "zlib", "wordpress"]


@dataclass(frozen=True)
class Finding:
    """One diagnostic; `code` is intelephense's own, e.g. "P1010" for an undefined function."""

    file: str
    line: int
    code: str
    words: str


class LanguageServer:
    """A context manager: the server over one folder, indexed. Each wait has an end (TimeoutError)."""

    def __init__(self, root: Path, storage: Path, php: str, time_limit: float = 90) -> None:
        self.root = root.resolve()
        self._storage = storage
        self._settings = {
            "environment": {"phpVersion": php, "shortOpenTag": False},
            "stubs": STUBS,
            "telemetry": {"enabled": False},
            "diagnostics": {"enable": True, "run": "onType", "unusedSymbols": False},
            "files": {"associations": ["*.php"], "exclude": [], "maxSize": 5_000_000},
        }
        self._deadline = time.monotonic() + time_limit
        self._number = 0
        self._received = b""

    def __enter__(self) -> Self:
        program = packages() / "node_modules" / "intelephense" / "lib" / "intelephense.js"
        self._process = subprocess.Popen(
            [NODE, program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        reaper.watch(self._process.pid)
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def findings(self) -> list[Finding]:
        """What the server says about every PHP file of the folder."""
        files = {path.as_uri(): path for path in sorted(self.root.rglob("*.php"))}
        for uri, path in files.items():
            document = {"uri": uri, "languageId": "php", "version": 1, "text": path.read_text()}
            self._send("textDocument/didOpen", {"textDocument": document})
        said: dict[str, list[dict[str, Any]]] = {}
        for message in self._messages():
            if message.get("method") == "textDocument/publishDiagnostics":
                said[message["params"]["uri"]] = message["params"]["diagnostics"]
                if len(said) == len(files):
                    break
        return [
            Finding(
                files[uri].relative_to(self.root).as_posix(),
                found["range"]["start"]["line"] + 1,
                str(found.get("code", "")),
                found["message"],
            )
            for uri, list_ in sorted(said.items())
            for found in list_
        ]

    def _begin(self) -> None:
        """1. initialize; 2. initialized; 3. until the folder is indexed."""
        uri = self.root.as_uri()
        parameters = {
            "processId": os.getpid(),
            "rootUri": uri,
            "rootPath": str(self.root),
            "workspaceFolders": [{"uri": uri, "name": "bridge"}],
            "capabilities": {"workspace": {"configuration": True}, "textDocument": {"publishDiagnostics": {}}},
            "initializationOptions": {
                "storagePath": str(self._storage),
                "globalStoragePath": str(self._storage),
                "clearCache": True,
            },
        }
        number = self._send("initialize", parameters, wants_answer=True)
        messages = self._messages()
        next(message for message in messages if message.get("id") == number and "method" not in message)
        self._send("initialized", {})
        next(message for message in messages if message.get("method") == "indexingEnded")

    def _end(self) -> None:
        self._process.kill()
        self._process.wait(30)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]
        reaper.forget(self._process.pid)

    def _send(self, method: str, parameters: Any, wants_answer: bool = False) -> int:
        self._number += 1
        message = {"jsonrpc": "2.0", "method": method, "params": parameters}
        self._write(message | ({"id": self._number} if wants_answer else {}))
        return self._number

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]

    def _messages(self) -> Iterator[dict[str, Any]]:
        """What arrives; the server's own questions are answered. Raises TimeoutError, or EOFError when it has ended."""
        while True:  # ends: each message is read until the deadline
            message = self._read()
            if "method" in message and "id" in message:
                self._write({"jsonrpc": "2.0", "id": message["id"], "result": self._answer(message)})
            else:
                yield message

    def _answer(self, question: dict[str, Any]) -> Any:
        if question["method"] != "workspace/configuration":
            return None
        return [self._settings if it.get("section") == "intelephense" else None for it in question["params"]["items"]]

    def _read(self) -> dict[str, Any]:
        head = self._until(lambda: self._received.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in self._received else 0)
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return json.loads(self._until(lambda: length if len(self._received) >= length else 0))

    def _until(self, enough: Any) -> bytes:
        while not (size := enough()):
            if not select.select([self._process.stdout], [], [], max(0, self._deadline - time.monotonic()))[0]:
                raise TimeoutError("the language server said nothing more")
            more = os.read(self._process.stdout.fileno(), 65536)  # type: ignore[union-attr]
            if not more:
                raise EOFError("the language server has ended")
            self._received += more
        taken, self._received = self._received[:size], self._received[size:]
        return taken
