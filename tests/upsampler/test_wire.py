"""Both shapes of Upsampler's JSON are understood, and nothing hostile gets further than its refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.adapters.upsampler import Hint, parse_hint
from sidecar.adapters.upsampler.wire import parse_object, parse_status, parse_submission, submit_body
from sidecar.core.errors import CallerError

URL = "https://cdn.example/a.png"


def test_a_submit_has_the_live_shape():
    body = submit_body(
        image_url="https://shop.example/a.jpg",
        image_type="universal",
        factor=4,
        webhook_url="https://sidecar.example/hook",
        options={"shouldEnhanceFaces": False},
    )
    assert body == {
        "webhook": "https://sidecar.example/hook",
        "input": {
            "imageUrl": "https://shop.example/a.jpg",
            "inputImageType": "universal",
            "upscaleFactor": 4,
            "shouldEnhanceFaces": False,
        },
    }


def test_a_submit_without_a_webhook_names_none():
    assert "webhook" not in submit_body(image_url=URL, image_type="anime", factor=2, webhook_url=None, options={})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"id": "a1", "status": "IN_QUEUE", "creditCost": 12}, ("a1", "queued", 12.0, None)),
        ({"id": "a1", "status": "IN_PROGRESS"}, ("a1", "processing", None, None)),
        ({"id": "a1", "status": "FAILED", "error": "No GPU"}, ("a1", "failed", None, "No GPU")),
        ({"success": True, "job_id": "a1", "status": "queued"}, ("a1", "queued", None, None)),
        ({"jobId": 17}, ("17", "queued", None, None)),
        ({"id": "a1", "status": "SOMETHING NEW", "creditCost": "12"}, ("a1", "queued", None, None)),
        ({"id": "a1", "creditCost": -1}, ("a1", "queued", None, None)),
        ({"id": "a1", "creditCost": 10**400}, ("a1", "queued", None, None)),
    ],
)
def test_the_answer_to_a_submit_is_read(answer, expected):
    found = parse_submission(answer)
    assert (found.upsampler_id, found.status, found.credits, found.error) == expected


@pytest.mark.parametrize("answer", [{}, {"id": ""}, {"id": None}, {"id": "../x"}, {"id": ["a"]}, {"id": True}])
def test_an_answer_without_a_usable_id_names_no_job(answer):
    assert parse_submission(answer) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"id": "a1", "status": "IN_QUEUE"}, ("queued", None)),
        ({"id": "a1", "status": "IN_PROGRESS"}, ("processing", None)),
        ({"id": "a1", "status": "SUCCESS", "imageUrl": URL}, ("succeeded", URL)),
        ({"id": "a1", "status": "FAILED", "error": "x"}, ("failed", None)),
        ({"job_id": "a1", "status": "queued"}, ("queued", None)),
        ({"job_id": "a1", "status": "processing"}, ("processing", None)),
        ({"job_id": "a1", "status": "completed", "result_url": URL}, ("succeeded", URL)),
        ({"status": "failed"}, ("failed", None)),
        ({"status": "timeout"}, ("failed", None)),
    ],
)
def test_a_status_is_read_in_both_shapes(answer, expected):
    found = parse_status("a1", answer)
    assert (found.upsampler_id, found.status, found.image_url) == ("a1", *expected)


def test_a_status_tells_the_address_of_the_whole_picture_and_the_price():
    found = parse_status(
        "a1", {"status": "SUCCESS", "imageUrl": URL, "compressedImageUrl": "https://cdn.example/a.jpg", "creditCost": 3}
    )
    assert (found.image_url, found.credits) == (URL, 3.0)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": None},
        {"status": "SOMETHING NEW"},
        {"status": ["SUCCESS"]},
        {"id": "another", "status": "IN_QUEUE"},
        {"id": "a1", "status": "SUCCESS"},
        {"id": "a1", "status": "SUCCESS", "imageUrl": None},
        {"id": "a1", "status": "SUCCESS", "imageUrl": "file:///etc/passwd"},
        {"id": "a1", "status": "SUCCESS", "imageUrl": {"url": URL}},
    ],
)
def test_a_status_that_breaks_its_promise_is_none(answer):
    assert parse_status("a1", answer) is None


def test_a_failure_without_a_reason_may_be_tried_again():
    found = parse_status("a1", {"status": "FAILED"})
    assert (found.error, found.transient) == ("no reason given", True)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"id": "a1", "status": "SUCCESS", "imageUrl": URL}, Hint("a1", "succeeded")),
        ({"id": "a1", "status": "FAILED", "error": "x"}, Hint("a1", "failed")),
        ({"job_id": "a1", "status": "completed", "result_url": URL}, Hint("a1", "succeeded")),
        ({"job_id": "a1", "status": "failed"}, Hint("a1", "failed")),
        ({"event": "job.completed", "job_id": "a1"}, Hint("a1", "succeeded")),
        ({"event": "job.failed", "job_id": "a1"}, Hint("a1", "failed")),
        ({"event": "job.timeout", "job_id": "a1"}, Hint("a1", "failed")),
        ({"type": "job.completed", "data": {"id": "a1"}}, Hint("a1", "succeeded")),
        ({"id": "evt_1", "type": "job.completed", "data": {"job_id": "a1"}}, Hint("a1", "succeeded")),
        ({"status": "SUCCESS"}, Hint(None, "succeeded")),
        ({"id": "a1", "status": "NEW"}, Hint("a1", None)),
        ({}, Hint(None, None)),
    ],
)
def test_a_webhook_is_read_in_each_of_its_shapes(body, hint):
    assert parse_hint(json.dumps(body).encode()) == hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"17",
        b"{",
        b"\xff\xfe{}",
        b"\x00",
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b'{"id": ' + b"9" * 6000 + b"}",
        b'{"id": "../../etc"}',
        b'{"id": "a b"}',
        b'{"id": "a\\u0000"}',
        b'{"id": ["a"]}',
        b'{"id": {"$ne": 1}}',
        b'{"id": "' + b"a" * 191 + b'"}',
        b'{"id": 1.5}',
        b'{"id": true}',
        b" " * 70_000 + b"{}",
        b"id=a1&status=SUCCESS",
    ],
)
def test_a_malformed_webhook_is_the_callers_fault(body):
    with pytest.raises(CallerError) as caught:
        parse_hint(body)
    assert caught.value.code == "webhook_malformed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "job_id", "status", "event", "type", "data", "error"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_webhook_raises_anything_else(body):
    try:
        hint = parse_hint(body)
    except CallerError as error:
        assert error.code == "webhook_malformed"
    else:
        assert hint.status in (None, "queued", "processing", "succeeded", "failed")


@given(json_values)
def test_no_answer_makes_the_parsers_stumble(value):
    data = parse_object(json.dumps(value).encode())
    if data is not None:
        parse_submission(data)
        parse_status("a1", data)
