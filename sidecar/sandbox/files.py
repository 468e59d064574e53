"""Sandbox: sends a result, whole or by Range, with the faults of the transfer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from sidecar.sandbox.enlarge import save
from sidecar.sandbox.job import Job
from sidecar.sandbox.spoil import is_about_the_file, spoiled_copy

if TYPE_CHECKING:
    from sidecar.sandbox.handler import Handler

_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif", ".html": "text/html"}
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


def send_result(handler: Handler, name: str) -> None:
    """Answers ``/results/<id>.png`` and ``/results/<id>-compressed.jpg``: 200 or 206; 404 unless the job has succeeded;
    403 like S3 when the address has expired."""
    stand_in = handler.server.stand_in
    stem = name.rpartition(".")[0]
    job = stand_in.job(stem.removesuffix("-compressed"))
    if job is None or job.status(stand_in.clock.now()) != "SUCCESS" or job.result is None:
        return handler.answer(404, {"error": "Not found"})
    if stand_in.clock.now() > job.ended_at() + handler.server.options.result_ttl:
        return handler.answer(403, b"<Error><Code>AccessDenied</Code></Error>", kind="application/xml")
    path = _compressed(job, stand_in.results) if stem.endswith("-compressed") else job.result
    strikes = stand_in.strikes("result", job)
    if not strikes:
        return _send_file(handler, job, path)
    fault, params = strikes[0].name, strikes[0].params
    stand_in.bill.write("download", job.id, at=round(stand_in.clock.now(), 3), fault=fault)
    if fault in ("result_404", "result_403", "result_503"):
        return handler.answer(int(fault[-3:]), {"error": fault}, wait=params.get("wait"))
    if is_about_the_file(fault):
        spoiled = spoiled_copy(fault, params, path)
        return _send_range(handler, spoiled, 0, spoiled.stat().st_size, 200)
    return _send_badly(handler, path, fault, params)


def _send_file(handler: Handler, job: Job, path: Path) -> None:
    size = path.stat().st_size
    asked = _RANGE.fullmatch(handler.headers.get("Range", ""))
    start, end = (int(asked[1]), min(int(asked[2] or size), size - 1) + 1) if asked else (0, size)
    if start >= end:
        return handler.answer(416, {"error": "Range not satisfiable"})
    stand_in = handler.server.stand_in
    stand_in.bill.write("download", job.id, at=round(stand_in.clock.now(), 3), bytes=end - start)
    return _send_range(handler, path, start, end, 206 if asked else 200)


def _send_range(handler: Handler, path: Path, start: int, end: int, status: int) -> None:
    _send_head(handler, path, end - start, status, f"bytes {start}-{end - 1}/{path.stat().st_size}")
    if end > start:
        with path.open("rb") as file:
            handler.connection.sendfile(file, start, end - start)


def _send_head(handler: Handler, path: Path, length: int | None, status: int = 200, span: str = "") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", _KINDS[path.suffix])
    if length is not None:
        handler.send_header("Content-Length", str(length))
        handler.send_header("Accept-Ranges", "bytes")
    else:
        handler.send_header("Connection", "close")
    if status == 206:
        handler.send_header("Content-Range", span)
    handler.end_headers()
    handler.wfile.flush()


def _send_badly(handler: Handler, path: Path, fault: str, params: dict) -> None:
    """result_cut, result_endless, result_slow: the transfer, not the file, is at fault."""
    size = path.stat().st_size
    stopping = handler.server.stopping
    _send_head(handler, path, None if fault == "result_endless" else size)
    handler.close_connection = fault != "result_slow"
    with path.open("rb") as file:
        if fault == "result_cut":
            handler.connection.sendfile(file, 0, size // 2)
        elif fault == "result_slow":
            step = max(int(params["rate"]) // 10, 1)
            while (piece := file.read(step)) and not stopping.wait(0.1):
                handler.connection.sendall(piece)
        else:
            while not stopping.is_set():
                file.seek(0)
                handler.connection.sendfile(file, 0, size)


def _compressed(job: Job, folder: Path) -> Path:
    path = folder / f"{job.id}-compressed.jpg"
    if not path.exists():
        assert job.result is not None
        with Image.open(job.result) as image:
            save(image.convert("RGB"), path, "JPEG", quality=85)
    return path
