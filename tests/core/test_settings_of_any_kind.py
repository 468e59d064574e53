"""Settings, whatever stands there: what is read, and what each limit lets through. Properties, over many values."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.adapters.fetch.pace import Pace, PaceWatch
from sidecar.adapters.files import StoredFile
from sidecar.adapters.sources import Source
from sidecar.core.errors import ConfigurationError, PermanentError, TemporaryError
from sidecar.core.job import Job
from sidecar.core.messages import rfc3339
from sidecar.core.pictures import ImageInfo
from sidecar.core.settings import Settings, described
from sidecar.workflow import cleanup, submit, transfer, watch
from tests.workflow.rig import Rig

from .test_settings import faults, read

NAMES = [str(item["name"]) for item in described()]
# (least, most) of each setting that is a number.
LIMITS: dict[str, tuple[float, float]] = {
    "PORT": (1, 65535),
    "SMI_TRUSTED_PROXIES": (0, 5),
    "SMI_UPSAMPLER_CONCURRENCY": (0, 100_000),
    "SMI_FIRST_POLL_S": (0.1, 600),
    "SMI_WATCH_LIMIT_S": (1, 86_400),
    "SMI_MAX_SOURCE_MB": (1, 2000),
    "SMI_MAX_SOURCE_MP": (1, 1000),
    "SMI_MAX_RESULT_MB": (1, 100_000),
    "SMI_MIN_DOWNLOAD_KBPS": (0, 1_000_000),
    "SMI_SLOW_DOWNLOADS": (1, 1000),
    "SMI_JPEG_QUALITY": (50, 100),
    "SMI_RESULT_OFF_BY": (0, 16),
    "SMI_KEEP_DAYS": (0, 3650),
    "SMI_CDN_LINK_S": (60, 3600),
    "SMI_WORKERS": (1, 256),
    "SMI_WEB_THREADS": (1, 256),
    "SMI_WEB_PROCESSES": (1, 64),
}
ODD = st.sampled_from(
    [
        "",
        " ",
        "''",
        "0",
        "-0",
        "-1",
        "--5",
        "+5",
        "5.",
        "1e3",
        "1_0",
        "0x10",
        "nan",
        "inf",
        "-inf",
        "²",
        "٣",
        "٣٤",
        "９",
    ]
    + ["9" * 5000, "ü", "\u200b", "\ufeff", "a\nb", "\x7f", "a b", "${HOME}", "..", "%", "[", "http://[::1", "\ud800"]
)


def field(name: str) -> Any:
    return next(item for item in fields(Settings) if item.default is MISSING and item.metadata["name"] == name)


def test_every_setting_that_is_a_number_has_its_limits_here() -> None:
    numbers = {item.metadata["name"] for item in fields(Settings) if item.type in ("int", "float")}
    assert numbers - set(LIMITS) == {"SMI_FILE_MODE", "SMI_FOLDER_MODE"}, "which are octal"


@effort(max_examples=150, deadline=None)
@given(name=st.sampled_from(NAMES), text=ODD | st.text(max_size=60))
def test_any_text_is_a_value_or_a_fault_that_names_its_setting(name: str, text: str) -> None:
    try:
        read(**{name: text})
    except ConfigurationError as error:
        assert error.code == "configuration_invalid"
        for line in error.detail.splitlines():
            assert any(line.startswith(known) for known in NAMES)
            assert "int()" not in line and "codec" not in line, "words, and not the interpreter's"


@effort(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(LIMITS)))
def test_a_number_within_its_limits_is_taken_as_it_is_and_every_other_refused(data: st.DataObject, name: str) -> None:
    least, most = LIMITS[name]
    value = data.draw(
        st.integers(-10, int(most) * 2) | st.sampled_from([int(least), int(most), int(most) + 1, -(10**30), 10**30])
    )
    env = {"SMI_FIRST_POLL_S": "0.1"} | {name: str(value)}
    if name == "SMI_FIRST_POLL_S":
        env["SMI_WATCH_LIMIT_S"] = "86400"
    if least <= value <= most:
        assert getattr(read(**env), field(name).name) == value
    else:
        assert faults(**env).startswith(f"{name} must be a ")


@given(mode=st.integers(0, 0o1777), name=st.sampled_from(["SMI_FILE_MODE", "SMI_FOLDER_MODE"]))
def test_a_mode_that_would_lock_the_sidecar_out_is_refused(mode: int, name: str) -> None:
    least = 0o400 if name == "SMI_FILE_MODE" else 0o700
    env = {name: f"{mode:04o}"}
    if mode <= 0o777 and mode & least == least:
        assert getattr(read(**env), field(name).name) == mode
    else:
        assert faults(**env).startswith(f"{name} must ")


@given(sign=st.characters().filter(lambda sign: not "!" <= sign <= "~"), at=st.integers(0, 3))
def test_a_key_that_no_header_can_hold_is_refused_and_not_quoted(sign: str, at: int) -> None:
    """It would be found out with a paid job in hand, between the note that we are about to ask and the request."""
    key = "swo" + "rdfish"
    inside = key[: at + 1] + sign + key[at + 1 :]
    said = faults(UPSAMPLER_API_KEY=inside)
    assert said.startswith("UPSAMPLER_API_KEY ")
    assert key[at + 1 :] not in said


@pytest.mark.parametrize("name", ["UPSAMPLER_URL", "SMI_CDN_URL"])
@pytest.mark.parametrize(
    "url", ["https://a.example/ü", "https://ž.example", "https://a.example/b c", "https://a\n.example"]
)
def test_an_address_that_no_request_can_hold_is_refused(name: str, url: str) -> None:
    assert faults(**{name: url}).startswith(f"{name} must ")


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "[::1]", "fe80::1%eth0", "localhost", "web_1", "NONE"])
def test_an_address_to_listen_on(bind: str) -> None:
    assert read(SMI_BIND=bind).bind == bind


@pytest.mark.parametrize("bind", ["localhost:8321", "127.0.0.1:8321", "unix:/run/s", "http://a", "a b", "ž", "-a"])
def test_what_is_no_address_to_listen_on_is_told_at_once(bind: str) -> None:
    assert faults(SMI_BIND=bind).startswith("SMI_BIND ")


def test_a_mark_that_an_editor_puts_before_a_file_is_no_part_of_a_key(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("\ufeffkey\r\n", encoding="utf-8")
    assert read(UPSAMPLER_API_KEY=None, UPSAMPLER_API_KEY_FILE=str(tmp_path / "key")).upsampler_key == "key"


# ---------------------------------------------------------------------- what the limits let through
@effort(deadline=None)
@given(mb=st.integers(1, 2000), mp=st.integers(1, 1000), size=st.integers(0, 3 * 10**9), side=st.integers(1, 60_000))
@example(mb=20, mp=64, size=20_000_000, side=8000)
@example(mb=20, mp=64, size=20_000_001, side=8000)
@example(mb=20, mp=64, size=1, side=8001)
def test_a_source_goes_as_it_is_up_to_both_limits_and_not_beyond(mb: int, mp: int, size: int, side: int) -> None:
    rig = Rig(SMI_MAX_SOURCE_MB=str(mb), SMI_MAX_SOURCE_MP=str(mp))
    seen = Source("https://shop.example/a.jpg", None, ImageInfo("jpeg", side, side, "RGB"), size)
    fits = size <= mb * 1_000_000 and side * side <= mp * 1_000_000
    try:
        submit._check_size(rig.ports, seen)
        assert fits
    except PermanentError as error:
        assert (error.code, fits) == ("source_too_large", False)


@effort(deadline=None)
@given(off_by=st.integers(0, 16), wide=st.integers(-20, 20), high=st.integers(-20, 20))
def test_a_result_may_be_off_by_so_many_pixels_and_no_more(off_by: int, wide: int, high: int) -> None:
    rig = Rig(SMI_RESULT_OFF_BY=str(off_by))
    job = Job("job-1", 1, "enlarged", factor=4, width=100, height=50)
    expected = transfer._verifier(rig.ports, job)._expected  # type: ignore[attr-defined]  # of the real verifier
    fits = max(abs(wide), abs(high)) <= off_by
    try:
        expected.check_size(400 + wide, 200 + high)
        assert fits
    except PermanentError as error:
        assert (error.code, fits) == ("result_wrong_dimensions", False)


@effort(deadline=None)
@given(most=st.integers(1, 1000), length=st.none() | st.integers(0, 10**6), came=st.integers(0, 3000))
def test_of_a_body_without_a_length_no_more_is_read_than_the_limit_and_a_piece(
    most: int, length: int | None, came: int
) -> None:
    class Answer:
        content_length = length
        chunks = (b"x" for _ in range(came))

    read_ = sum(len(chunk) for chunk in transfer._some(Answer, most))  # type: ignore[arg-type]  # as far as it is used
    assert read_ == (came if length is not None else min(came, most + 1))


@effort(deadline=None)
@given(days=st.integers(0, 3650), age=st.integers(-10, 4000), link=st.integers(-4000, 10))
def test_a_file_is_kept_for_so_many_days_after_its_link(days: int, age: int, link: int) -> None:
    """`age`: of the file, `link`: when it expires, both in days from now."""
    now, day = 1_800_000_000.0, 86400
    file = StoredFile("2026/11/job-1_4x.png", 1, now - age * day)
    delivery = {"path": file.name, "expires_at": rfc3339(now + link * day)}
    record = {"state": "delivered", "delivery": delivery}
    verdict = cleanup._verdict(file.name, record, file.modified, now, days * day)
    assert verdict == ("expired" if age >= days and -link > days else "keep")


@effort(deadline=None)
@given(kbps=st.integers(1, 10**6), share=st.floats(0, 3))
def test_a_download_is_given_up_below_the_least_speed_and_not_above(kbps: int, share: float) -> None:
    now = 0.0
    watch_ = PaceWatch(Pace(kbps * 1000), clock=lambda: now)
    given_up = False
    for _ in range(200):
        now += 1
        try:
            watch_.came(int(kbps * 1000 * share) + 1)
        except TemporaryError as error:
            assert error.code == "fetch_slow"
            given_up = True
            break
    assert given_up == (int(kbps * 1000 * share) + 1 < kbps * 1000)


@effort(deadline=None)
@given(slots=st.integers(1, 5), jobs=st.integers(1, 12), gone=st.lists(st.integers(0, 11), max_size=12))
def test_never_more_jobs_are_at_upsampler_than_its_limit_and_none_waits_beside_a_free_slot(
    slots: int, jobs: int, gone: list[int]
) -> None:
    store = Rig(slots=slots).store
    for number in range(jobs):
        store.take_slot(Job(f"job-{number}", 1, "paid", paid_at=number + 1))
    left = set(range(jobs))
    for number in gone:
        left.discard(number)
        store.free_slot(f"job-{number}")
        assert len(store.slot_holders()) == min(slots, len(left))


@effort(deadline=None, max_examples=60)
@given(first=st.floats(0.1, 600), share=st.floats(1.001, 50), polls=st.integers(0, 30), spent=st.floats(0, 1))
def test_a_poll_is_never_due_after_the_time_that_upsampler_has(
    first: float, share: float, polls: int, spent: float
) -> None:
    limit = min(86_400.0, max(1.0, first * share))
    if first >= limit:
        return
    rig = Rig(SMI_FIRST_POLL_S=f"{first:.6f}", SMI_WATCH_LIMIT_S=f"{limit:.6f}")
    began = int(rig.clock())
    job = Job("job-1", 1, "submitted", submitted_at=began, polls=polls, upsampler_id="a1")
    rig.store.create(job, due_at=rig.clock())
    claimed = rig.store.claim("job-1", 1, ("submitted",), lease_s=12)
    assert claimed
    rig.clock.advance(spent * limit * 0.99)
    watch._poll_again(rig.ports, claimed, "processing")
    due = rig.store.due_at("job-1")
    assert rig.clock() < due <= began + limit + 0.001
