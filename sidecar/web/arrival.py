"""Web: a request while its bytes arrive. Knows how many are wanted and until when; reads no socket, judges no request.

gunicorn's parser judges it once it is whole. Until then it costs memory that is bounded here, and no thread. Source of
the form: RFC 9112, 2.1, 6 and 7.1; RFC 9110, 10.1.1 (100-continue); RFC 6585, 5 (431).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

BodyLimit = Callable[[str, str], int]  # method and path → bytes of a body that are read; 0: it is not looked at

HEAD_BYTES = 32 << 10
SMALL_BODY = 64 << 10  # bytes; of bodies above it a process reads a few at a time (fair_worker.py)
HEAD_S = 10  # for the whole head, from the first byte on (or from the connection on)
BODY_S = 10  # for the whole body

_FIRST_LINE = re.compile(rb"([A-Z]+) ([^ \r\n?]*)")
_LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_CODING = re.compile(rb"\r\nTransfer-Encoding:", re.IGNORECASE)
_CONTINUE = re.compile(rb"\r\nExpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK_LINE = 8190  # as gunicorn's parser


class Arrival:
    """Feed it with `add`. Then exactly one is true: it is `whole`, it has a `refusal` (an HTTP status line's rest), or
    more bytes are wanted until `deadline` (monotonic clock)."""

    def __init__(self, limit: BodyLimit, *, now: float):
        self.bytes = bytearray()
        self.deadline = now + HEAD_S
        self.whole = False
        self.refusal = ""
        self.unread = False  # it has a body that nobody reads: the connection ends with the answer
        self.wants_continue = False  # the client waits for a word before it sends its body
        self.large = False
        self._limit = limit
        self._body = 0  # where it begins; 0: the head is not complete
        self._end = 0  # where the request ends, when its length is known
        self._chunk = 0  # where the next line with the length of a chunk begins, when it is not
        self._most = 0

    def add(self, data: bytes, *, now: float) -> None:
        """More bytes. What follows the request belongs to the next one: the parser gives it back."""
        before = len(self.bytes)
        self.bytes += data
        if not self._body:
            self._look_for_head(before, now)
        elif self._end:
            self.whole = len(self.bytes) >= self._end
        else:
            self._follow_chunks()

    def _look_for_head(self, before: int, now: float) -> None:
        end = self.bytes.find(b"\r\n\r\n", max(0, before - 3))
        if end > HEAD_BYTES or (end < 0 and len(self.bytes) > HEAD_BYTES):
            self.refusal = "431 Request Header Fields Too Large"
        elif end >= 0:
            self._body = end + 4
            self._judge_body(bytes(self.bytes[: end + 2]), now)

    def _judge_body(self, head: bytes, now: float) -> None:
        coded, length = _CODING.search(head), _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not coded and not size:
            self.whole = True
            return
        line = _FIRST_LINE.match(head)
        self._most = self._limit(line[1].decode(), unquote_to_bytes(line[2]).decode("latin-1")) if line else 0
        if not self._most:
            self.whole = self.unread = True
        elif size > self._most:
            self.refusal = "413 Content Too Large"
        else:
            self.deadline = now + BODY_S
            self.wants_continue = bool(_CONTINUE.search(head))
            self.large = size > SMALL_BODY
            if coded:
                self._chunk = self._body
                self._follow_chunks()
            else:
                self._end = self._body + size
                self.whole = len(self.bytes) >= self._end

    def _follow_chunks(self) -> None:
        """As far as it is needed to see the end. What breaks the format is whole, too: the parser refuses it."""
        have = self.bytes
        while not self.whole and not self.refusal:
            self.large = len(have) - self._body > SMALL_BODY
            end = have.find(b"\r\n", self._chunk)
            if end < 0:
                self.whole = len(have) - self._chunk > _CHUNK_LINE
                break
            try:
                size = int(bytes(have[self._chunk : end]).partition(b";")[0], 16)
            except ValueError:
                size = -1
            if size < 0:
                self.whole = True
            elif size == 0:  # the last one; lines may follow it
                self.whole = have.find(b"\r\n\r\n", end) >= 0
                break
            else:
                self._chunk = end + 2 + size + 2
                if self._chunk > len(have):
                    break
        if not self.whole and max(self._chunk, len(have)) - self._body > self._most:
            self.refusal = "413 Content Too Large"
