"""The vectors of downloads, as both doors' tests read them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.core.messages import site_hash
from sidecar.core.tokens import DownloadGrant, TokenMaker
from tests.testbed.places import REPOSITORY

CASES: list[dict[str, Any]] = json.loads((REPOSITORY / "tests" / "vectors" / "downloads.json").read_text())["cases"]
DELIVERED = bytes(range(40))
SHA256 = hashlib.sha256(DELIVERED).hexdigest()
ANOTHER = DELIVERED[::-1]
LIES_THERE = {"delivered": DELIVERED, "another": ANOTHER, "longer": DELIVERED + b"x"}

# What the customer reads, at either door.
WORDS = {
    "invalid": "can’t find that download",
    "missing": "can’t find that download",
    "expired": "link has expired",
    "revoked": "no longer valid",
    "replaced": "There is a newer link",
    "away": "Your picture is safe",
}


@dataclass(frozen=True)
class Case:
    """A vector, for a job at one door. `now`: Unix seconds."""

    vector: dict[str, Any]
    job_id: str
    now: int
    site: str
    keys: tuple[bytes, ...] = (b"0123456789abcdef",)

    def token(self, link: dict[str, Any] | str) -> str:
        if isinstance(link, str):
            return link
        keys = (b"a stranger's own key",) if link.get("forged") else self.keys
        maker = TokenMaker(keys, site_hash(link.get("site", self.site)))
        token = maker.download(DownloadGrant(self.job_id, link["attempt"], self.now + link["ends"]))
        if link.get("damaged"):
            token = token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]
        return token[: len(token) - link.get("cut", 0)]

    def put_file(self, path: Path) -> bytes:
        """The file as the vector has it; what lies there."""
        data = LIES_THERE.get(self.vector.get("file", "delivered"), b"")
        path.unlink(missing_ok=True)
        if data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return data

    def etag(self, kind: str, path: Path) -> str:
        if kind != "own":
            return f'"{SHA256}"' if kind == "delivered" else kind
        found = path.stat()
        return f'"{found.st_size:x}-{int(found.st_mtime):x}-{found.st_ino:x}"'

    def headers(self, path: Path) -> dict[str, str]:
        headers: dict[str, str] = self.vector.get("headers", {})
        return {name: self.etag(value, path) if name.startswith("If") else value for name, value in headers.items()}

    def check(self, *, status: int, text: str, headers: Any, body: bytes, data: bytes, path: Path) -> None:
        """An answer, but for what was noted. `data`: what lies there."""
        expected = self.vector["answer"]
        assert status == expected["status"], text
        assert "no-store" in headers["Cache-Control"] and headers["Referrer-Policy"] == "no-referrer"
        if why := expected.get("why"):
            assert why in WORDS and (WORDS[why] in text or self.vector.get("method") == "HEAD"), text
            assert (status == 503) is ("Retry-After" in headers)
        elif status != 416:
            begin, end = expected["body"]
            assert (body, headers["ETag"]) == (data[begin:end], self.etag(expected["etag"], path))
