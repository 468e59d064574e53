"""Sandbox: the bill, one line of JSON for each event, written at once so that it survives a kill of the process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path


class Bill:
    """Appends events to ``bill.jsonl``. A line is one `write` to a file opened for appending: never half a line."""

    def __init__(self, folder: Path):
        self._path = folder / "bill.jsonl"
        self._lock = threading.Lock()
        self._file = self._path.open("ab", buffering=0)

    def write(self, event: str, job_id: str, **fields: object) -> None:
        """`event` is accepted, finished, download or webhook."""
        line = json.dumps({"event": event, "id": job_id, **fields}, separators=(",", ":"))
        with self._lock:
            self._file.write(line.encode() + b"\n")

    def events(self) -> Iterator[dict]:
        """All events since the folder was new, oldest first."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # else it is being written
                    yield json.loads(line)

    def summary(self) -> dict:
        """Every accepted submit with what became of it, and the sums."""
        submits: dict[str, dict] = {}
        for event in self.events():
            kind, job_id = event.pop("event"), event["id"]
            if kind == "accepted":
                submits[job_id] = {**event, "status": None, "error": None, "downloads": [], "webhooks": []}
            elif kind == "finished":
                submits[job_id].update(status=event["status"], error=event["error"], finished_at=event["at"])
            else:
                submits[job_id][f"{kind}s"].append({key: event[key] for key in event if key != "id"})
        rows = list(submits.values())
        return {
            "submits": rows,
            "accepted": len(rows),
            "credits": round(sum(row["credits"] for row in rows), 4),
            "downloads": sum(len(row["downloads"]) for row in rows),
        }

    def close(self) -> None:
        """Closes the file; nothing can be written any more."""
        self._file.close()
