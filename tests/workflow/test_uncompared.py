"""Results that can't be compared with what was bought: when that is tried again, and that it is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.adapters import images
from sidecar.adapters.fetch import FetchResponse
from sidecar.adapters.images import PictureVerdict
from sidecar.core.errors import GivenUp, PermanentError, SidecarError, TemporaryError
from sidecar.core.job import Job
from sidecar.workflow.collect import SOURCE_TRIES
from tests.fakes.sources import FakeSources
from tests.workflow.rig import Rig

GOOD = PictureVerdict(True, None, "", 0.99)


class Eye:
    """adapters.images with a verdict of the test's choice."""

    def __init__(self, verdict: PictureVerdict) -> None:
        self.verdict = verdict
        self.compared = self.decoded = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(images, name)

    def check_picture(self, *_: Any, **__: Any) -> PictureVerdict:
        self.compared += 1
        return self.verdict

    def verify_pixels(self, path: Path, info: Any) -> None:
        self.decoded += 1


class Obtained(FakeSources):
    """Sources elsewhere that come, or do not: `errors`, one for each time that all of one is asked for."""

    def __init__(self, *errors: SidecarError) -> None:
        super().__init__(far=True)
        self.errors = list(errors)

    @contextmanager
    def stream(self, job: Job, **how: Any) -> Iterator[FetchResponse]:
        if self.errors:
            raise self.errors.pop(0)
        with super().stream(job, **how) as response:
            yield response


def collected(sources: Obtained, verdict: PictureVerdict = GOOD) -> tuple[Rig, Eye]:
    rig, eye = Rig(SMI_CHECK_PICTURE="1"), Eye(verdict)
    rig.ports = dataclasses.replace(rig.ports, sources=sources, pictures=eye)
    rig.buy()
    rig.let_pass(600)
    assert rig.row().state == "delivered"
    return rig, eye


def uncompared(rig: Rig) -> list[str]:
    return [fields["reason"] for event, fields in rig.events if event == "picture.unchecked"]


def test_a_source_whose_server_stumbles_is_asked_for_again() -> None:
    rig, eye = collected(Obtained(TemporaryError("fetch_unavailable", "HTTP 503")))
    assert (eye.compared, uncompared(rig)) == (1, [])


def test_a_source_that_does_not_come_is_not_waited_for_for_ever() -> None:
    rig, eye = collected(Obtained(*[TemporaryError("fetch_failed", "silence")] * 100))
    assert (eye.compared, eye.decoded, uncompared(rig)) == (0, 1, ["fetch_failed"])
    assert rig.actions() == ["fetch_failed → retry"] * SOURCE_TRIES


@pytest.mark.parametrize("code", ["source_gone", "source_not_an_image", "fetch_refused_address"])
def test_a_source_that_has_vanished_is_the_customers_fault_never(code: str) -> None:
    rig, eye = collected(Obtained(PermanentError(code, "")))
    assert (eye.compared, eye.decoded, uncompared(rig)) == (0, 1, [code])


def test_a_picture_too_large_to_compare_is_delivered_and_told() -> None:
    rig, eye = collected(Obtained(), PictureVerdict(True, None, "not compared: too large", 0.0))
    assert (eye.compared, uncompared(rig)) == (1, ["too_large_to_compare"])


def test_a_source_elsewhere_can_be_given_up_while_it_comes() -> None:
    rig, sources = Rig(SMI_CHECK_PICTURE="1"), Obtained(GivenUp())  # type: ignore[arg-type]
    rig.ports = dataclasses.replace(rig.ports, sources=sources, pictures=Eye(GOOD))
    rig.buy()
    rig.work()
    rig.transfers.slow = True
    rig.let_pass(60)
    rig.transfers.finish()
    assert (sources.errors, rig.job().state, rig.job().consecutive_failures, rig.actions()) == ([], "enlarged", 0, [])
