"""The doors over a pipeline of doubles: Flask's test client, real tokens, real signatures, real files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sidecar import create_app
from sidecar.adapters.files import ResultFiles
from sidecar.adapters.sources import Sources
from sidecar.core.messages import TO_SIDECAR, Signer
from sidecar.services import Services
from tests.workflow.rig import Rig


class _Reader(FlaskClient):
    """Reads every answer to its end, as a web server would, and so closes its file."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


class Web:
    """A rig with its web application. `client` speaks to it as a proxy would."""

    def __init__(self, folder: Path, **env: str) -> None:
        uploads = folder / "uploads"
        uploads.mkdir(exist_ok=True)
        self.uploads = uploads
        self.rig = Rig(files=ResultFiles(uploads / "smi-downloads"), SMI_UPLOADS_DIR=str(uploads), **env)
        sources = Sources(self.rig.fetcher, uploads_dir=uploads, uploads_url="https://shop.example/wp-content/uploads")
        self._parts: dict[str, Any] = {}
        self.serve(sources=sources)
        settings = self.rig.settings
        self.signer = Signer(settings.secret, direction=TO_SIDECAR, site=settings.site)

    def serve(self, **parts: Any) -> None:
        """Build the application anew, with some parts replaced."""
        services = Services(self.rig.settings)
        self._parts |= parts
        services.__dict__["ports"] = dataclasses.replace(self.rig.ports, **self._parts)
        app = create_app(services)
        app.test_client_class = _Reader
        self.client: FlaskClient = app.test_client()

    def send(self, type: str, data: dict[str, Any] | None = None, **how: Any) -> TestResponse:
        """A signed message through the door."""
        body, headers = self.signer.seal(type, data or {}, now=how.pop("now", self.rig.clock()), **how)
        return self.client.post("/messages", data=body, headers=headers)

    def deliver(self, job_id: str = "job-1", **details: Any) -> str:
        """A delivered job; the path of its link."""
        self.rig.buy(job_id, **details)
        self.rig.let_pass(90)
        return "/download/" + self.rig.row(job_id).delivery["token"]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    yield web
    assert web.rig.faults() == [], "a bug was caught and logged"
