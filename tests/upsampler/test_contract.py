"""One contract for whoever is called Upsampler: the client against the sandbox over HTTP, and the fake in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import pytest
from PIL import Image

from sidecar.adapters.upsampler import UpsamplerClient
from sidecar.core.errors import ConfigurationError, PermanentError, SidecarError, TemporaryError, UnknownOutcome
from sidecar.sandbox.faults import Rule
from sidecar.sandbox.options import SandboxOptions
from sidecar.sandbox.server import SandboxServer
from tests.fakes.upsampler import FakeUpsampler

PHOTO = "https://shop.example/photo.jpg"
DELAY = 60.0


class Side(ABC):
    """A client, and what a test must be able to do to the Upsampler behind it."""

    client: UpsamplerClient | FakeUpsampler

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time

    def submit(self) -> str:
        return self.client.submit(image_url=PHOTO, factor=4, webhook_url=None).upsampler_id

    @abstractmethod
    def fault(self, **rule: object) -> None:
        """Puts one fault in force."""

    @abstractmethod
    def accepted(self) -> list[tuple[str, str, float]]:
        """(id, imageUrl, factor) of each accepted submit."""

    @abstractmethod
    def change_key(self) -> None:
        """Our key is no longer accepted."""

    @abstractmethod
    def use_up_credits(self) -> None:
        """The account is empty."""

    @abstractmethod
    def go_away(self) -> None:
        """Nobody listens any more."""


class RealSide(Side):
    def __init__(self, folder: Path, wire: str):
        super().__init__()
        canned = folder / "canned.png"
        Image.new("RGB", (40, 30), "teal").save(canned)
        options = SandboxOptions(folder=folder / "sandbox", delay=DELAY, canned=canned, wire=wire)
        self.server = SandboxServer(options, self.now).start()
        self.client = self.make_client("sandbox-key")
        self.gone = False

    def make_client(self, key: str) -> UpsamplerClient:
        return UpsamplerClient(base_url=f"{self.server.url}/api/v1", api_key=key, timeout=(1, 0.3))

    def fault(self, **rule: object) -> None:
        self.server.stand_in.faults.replace([Rule.parse(rule)])

    def accepted(self) -> list[tuple[str, str, float]]:
        rows = self.server.stand_in.bill.summary()["submits"]
        return [(row["id"], row["imageUrl"], row["factor"]) for row in rows]

    def change_key(self) -> None:
        self.client.close()
        self.client = self.make_client("another-key")

    def use_up_credits(self) -> None:
        self.server.stand_in.credits = 0

    def go_away(self) -> None:
        self.stop()

    def stop(self) -> None:
        if not self.gone:
            self.gone = True
            self.server.stop()
            self.client.close()


class FakeSide(Side):
    def __init__(self) -> None:
        super().__init__()
        self.client = self.fake = FakeUpsampler(now=self.now, delay=DELAY)

    def fault(self, **rule: object) -> None:
        self.fake.put_faults(rule)

    def accepted(self) -> list[tuple[str, str, float]]:
        return [(job.id, job.image_url, job.factor) for job in self.fake.accepted]

    def change_key(self) -> None:
        self.fake.key_is_right = False

    def use_up_credits(self) -> None:
        self.fake.credits = 0

    def go_away(self) -> None:
        self.fake.away = True


@pytest.fixture(params=["sandbox-live", "sandbox-documented", "fake"])
def side(request, tmp_path):
    if request.param == "fake":
        yield FakeSide()
        return
    real = RealSide(tmp_path, request.param.removeprefix("sandbox-"))
    yield real
    real.stop()


def refusal(call) -> SidecarError:
    with pytest.raises(SidecarError) as caught:
        call()
    return caught.value


def test_a_submit_is_answered_with_an_id_and_is_on_the_bill(side):
    answer = side.client.submit(image_url=PHOTO, factor=4, webhook_url="https://shop.example/hook")
    assert (answer.status, answer.error) == ("queued", None)
    assert side.accepted() == [(answer.upsampler_id, PHOTO, 4)]


def test_a_job_passes_from_queued_over_processing_to_succeeded_with_an_address(side):
    job = side.submit()
    words = []
    for seconds in (0, DELAY / 2, DELAY):
        side.time = 1_800_000_000.0 + seconds
        words.append(side.client.status(job).status)
    assert words[-2:] == ["processing", "succeeded"]
    assert words[0] in ("queued", "processing")
    answer = side.client.status(job)
    assert answer.image_url.endswith(f"/results/{job}.png")
    assert (answer.upsampler_id, answer.error, answer.transient) == (job, None, False)


def test_an_unfinished_job_has_no_address(side):
    assert side.client.status(side.submit()).image_url is None


def test_a_failed_job_says_why_and_whether_another_try_may_help(side):
    side.fault(fault="processing_failed", params={"text": "GPU worker lost"})
    job = side.submit()
    side.time += DELAY
    answer = side.client.status(job)
    assert (answer.status, answer.error, answer.transient) == ("failed", "GPU worker lost", True)
    assert answer.code == "upsampler_failed_transient"


def test_a_failure_that_lies_in_the_source_is_no_transient_one(side):
    side.fault(fault="processing_failed", params={"text": "Unsupported image format"})
    job = side.submit()
    side.time += DELAY
    answer = side.client.status(job)
    assert (answer.status, answer.transient, answer.code) == ("failed", False, "source_unsupported")


def test_a_submit_that_is_accepted_and_fails_at_once_is_told_as_failed(side):
    side.fault(fault="submit_failed", params={"text": "Image too large"})
    answer = side.client.submit(image_url=PHOTO, factor=4, webhook_url=None)
    assert (answer.status, answer.error, answer.code) == ("failed", "Image too large", "source_too_large")
    assert side.client.status(answer.upsampler_id).status == "failed"
    assert len(side.accepted()) == 1


def test_a_stuck_job_never_ends(side):
    side.fault(fault="processing_stuck")
    job = side.submit()
    side.time += 86400
    assert side.client.status(job).status == "processing"


REFUSED = [
    ("submit_500", {}, TemporaryError, "upsampler_unavailable"),
    ("submit_503", {}, TemporaryError, "upsampler_unavailable"),
    ("submit_429", {}, TemporaryError, "upsampler_rate_limited"),
    ("submit_401", {}, ConfigurationError, "upsampler_key_refused"),
    ("submit_402", {}, ConfigurationError, "upsampler_credits_exhausted"),
    ("submit_413", {}, PermanentError, "source_too_large"),
    ("submit_415", {}, PermanentError, "source_unsupported"),
    ("submit_400", {}, PermanentError, "upsampler_rejected"),
    ("submit_400", {"text": "Output exceeds the maximum of 768 MP"}, PermanentError, "source_too_large"),
    ("submit_400", {"text": "Could not decode image"}, PermanentError, "source_unsupported"),
    ("submit_400", {"text": "Failed to fetch image"}, PermanentError, "source_unreachable_for_upsampler"),
    ("submit_400", {"text": "Not enough credits"}, ConfigurationError, "upsampler_credits_exhausted"),
]


@pytest.mark.parametrize(("fault", "params", "kind", "code"), REFUSED)
def test_a_refused_submit_is_told_by_its_code_and_is_not_on_the_bill(side, fault, params, kind, code):
    side.fault(fault=fault, params=params)
    error = refusal(side.submit)
    assert (type(error), error.code) == (kind, code)
    assert side.accepted() == []


def test_retry_after_is_passed_on(side):
    side.fault(fault="submit_429", params={"wait": 7})
    assert refusal(side.submit).retry_after == 7


@pytest.mark.parametrize(
    ("fault", "on_the_bill"),
    [
        ("submit_lost", 1),
        ("submit_unreadable", 1),
        ("submit_502", 1),
        ("submit_504", 1),
        ("submit_hang", 1),
        ("submit_reset", 0),
    ],
)
def test_a_lost_answer_is_an_unknown_outcome_and_never_a_second_submit(side, fault, on_the_bill):
    side.fault(fault=fault)
    error = refusal(side.submit)
    assert (type(error), error.code) == (UnknownOutcome, "submit_outcome_unknown")
    assert len(side.accepted()) == on_the_bill


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("status_500", TemporaryError, "upsampler_unavailable"),
        ("status_429", TemporaryError, "upsampler_rate_limited"),
        ("status_html", TemporaryError, "upsampler_bad_answer"),
        ("status_hang", TemporaryError, "upsampler_unavailable"),
        ("status_drip", TemporaryError, "upsampler_unavailable"),
        ("status_reset", TemporaryError, "upsampler_unavailable"),
        ("status_404", PermanentError, "upsampler_unknown_job"),
    ],
)
def test_a_failed_status_call_is_told_by_its_code(side, fault, kind, code):
    job = side.submit()
    side.fault(fault=fault)
    error = refusal(lambda: side.client.status(job))
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize("upsampler_id", ["nobody", "..", ".", "", "a/b", "a?b", "a" * 191, "ü", "a\n"])
def test_an_unknown_or_impossible_id_is_an_unknown_job(side, upsampler_id):
    assert refusal(lambda: side.client.status(upsampler_id)).code == "upsampler_unknown_job"


def test_the_right_key_passes_the_check(side):
    side.client.check_key()


@pytest.mark.parametrize("call", ["submit", "status", "check_key"])
def test_a_wrong_key_is_a_fault_of_the_configuration(side, call):
    side.change_key()
    calls = {
        "submit": side.submit,
        "status": lambda: side.client.status("any"),
        "check_key": lambda: side.client.check_key(),
    }
    error = refusal(calls[call])
    assert (type(error), error.code) == (ConfigurationError, "upsampler_key_refused")
    assert side.accepted() == []


def test_an_empty_account_is_a_fault_of_the_configuration(side):
    side.use_up_credits()
    error = refusal(side.submit)
    assert (type(error), error.code) == (ConfigurationError, "upsampler_credits_exhausted")


@pytest.mark.parametrize("call", ["submit", "status", "check_key"])
def test_nobody_listening_is_temporary_and_certain(side, call):
    side.client.check_key()  # leaves a kept connection behind
    side.go_away()
    calls = {
        "submit": side.submit,
        "status": lambda: side.client.status("any"),
        "check_key": lambda: side.client.check_key(),
    }
    error = refusal(calls[call])
    assert (type(error), error.code) == (TemporaryError, "upsampler_unavailable")


def test_a_fault_can_be_limited_to_one_submit(side):
    side.fault(fault="submit_500", nth=2)
    assert side.submit()
    assert refusal(side.submit).code == "upsampler_unavailable"
    assert side.submit()
