"""What an error text and an HTTP status mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.adapters.fetch.retry_after import MAX_RETRY_AFTER_S, retry_after
from sidecar.adapters.upsampler.verdict import classify, error_text, http_error
from sidecar.core.errors import ConfigurationError, PermanentError, TemporaryError, UnknownOutcome

UNREACHABLE = [
    "Could not fetch image from imageUrl: HTTP 404",
    "couldn't download the image",
    "Failed to download source image: timed out",
    "Unable to access the input image",
    "Failed to load image from URL",
    "cannot retrieve file",
    "Source image could not be downloaded",
    "imageUrl is not reachable",
    "Image URL returned 404",
    "Invalid image URL",
    "Error fetching image",
    "Downloading the image failed",
    "Unsupported content type: text/html",
    "Expected an image, got text/html; charset=utf-8",
    "Not a valid image (received HTML)",
    "The source image answered with status 403",
]
TOO_LARGE = [
    "Image too large",
    "Image is too big",
    "Output dimensions exceed the limit",
    "File size exceeds 20MB limit",
    "The image is larger than 4096x4096",
    "Exceeds maximum of 768 megapixels",
    "Maximum resolution is 8192",
    "Input has too many pixels",
    "Image too large to fit in memory: CUDA out of memory",
    "Invalid dimensions",
]
UNSUPPORTED = [
    "Unsupported image format",
    "Format not supported: image/tiff",
    "Unknown file type",
    "cannot identify image file <_io.BytesIO object>",
    "Could not decode image",
    "Image is corrupt",
    "Not a valid image",
    "invalid mime type",
    "Failed to process the image",
]
TRANSIENT = [
    "Internal error",
    "Internal Server Error",
    "GPU worker lost",
    "CUDA error: device-side assert",
    "CUDA out of memory",
    "Request timed out",
    "timeout",
    "Service temporarily unavailable",
    "Please try again later",
    "At capacity",
    "Worker was restarted",
    "Upstream connection error",
    "",
    "Failed",
    "error",
    "Unknown error",
    "An unexpected error occurred.",
    "Upscaling failed",
    "Job failed.",
    "Something went wrong!",
    None,
    {},
]
FINAL = ["Content policy violation", "NSFW content detected", "upscaleFactor must be 1 to 16", {"code": 4711}, 17]
CREDITS = ["Insufficient credits", "Not enough credits", "You are out of credits", "No credits left"]

CASES = [
    *[(text, "source_unreachable_for_upsampler", False) for text in UNREACHABLE],
    *[(text, "source_too_large", False) for text in TOO_LARGE],
    *[(text, "source_unsupported", False) for text in UNSUPPORTED],
    *[(text, "upsampler_failed_transient", True) for text in TRANSIENT],
    *[(text, "upsampler_failed", False) for text in FINAL],
    *[(text, "upsampler_credits_exhausted", True) for text in CREDITS],
]


def test_an_error_text_is_read():
    verdicts = [(text, (verdict := classify(text)).code, verdict.transient) for text, _, _ in CASES]
    assert verdicts == CASES


@pytest.mark.parametrize("wrap", [lambda t: {"message": t}, lambda t: {"error": {"detail": t}}, lambda t: [t]])
def test_an_error_may_be_an_object_or_a_list(wrap):
    texts = [(text, code) for text, code, _ in CASES if isinstance(text, str)]
    assert [(text, classify(wrap(text)).code) for text, _ in texts] == texts


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("message"), inner, max_size=4),
    max_leaves=12,
)


@given(anything)
def test_any_error_gives_one_short_line_and_a_verdict(error):
    text = error_text(error)
    assert len(text) <= 300
    assert text.isprintable() or not any(ord(character) < 32 or ord(character) == 127 for character in text)
    assert classify(error).code


def test_a_deeply_nested_error_is_read_like_any_other():
    error: object = "Image too large"
    for _ in range(5000):
        error = {"message": error}
    assert len(error_text(error)) <= 300


SAID = {"error": "Something"}


@pytest.mark.parametrize(
    ("status", "body", "submit", "kind", "code"),
    [
        (401, None, True, ConfigurationError, "upsampler_key_refused"),
        (403, SAID, False, ConfigurationError, "upsampler_key_refused"),
        (402, None, True, ConfigurationError, "upsampler_credits_exhausted"),
        (429, None, True, TemporaryError, "upsampler_rate_limited"),
        (429, SAID, False, TemporaryError, "upsampler_rate_limited"),
        # A submit's 5xx: Upsampler's own words say that nothing was accepted; a gateway's silence says nothing.
        (500, SAID, True, TemporaryError, "upsampler_unavailable"),
        (500, None, True, UnknownOutcome, "submit_outcome_unknown"),
        (500, {}, True, UnknownOutcome, "submit_outcome_unknown"),
        (502, None, True, UnknownOutcome, "submit_outcome_unknown"),
        (502, SAID, True, UnknownOutcome, "submit_outcome_unknown"),
        (503, SAID, True, TemporaryError, "upsampler_unavailable"),
        (503, None, True, TemporaryError, "upsampler_unavailable"),
        (504, None, True, UnknownOutcome, "submit_outcome_unknown"),
        (504, SAID, True, UnknownOutcome, "submit_outcome_unknown"),
        (520, None, True, UnknownOutcome, "submit_outcome_unknown"),
        (521, None, True, TemporaryError, "upsampler_unavailable"),
        (522, None, True, TemporaryError, "upsampler_unavailable"),
        (524, None, True, UnknownOutcome, "submit_outcome_unknown"),
        # A status call's 5xx is harmless.
        *[(status, None, False, TemporaryError, "upsampler_unavailable") for status in (500, 502, 503, 504, 520, 524)],
        (301, None, True, TemporaryError, "upsampler_unavailable"),
        (307, None, False, TemporaryError, "upsampler_unavailable"),
        (408, None, True, TemporaryError, "upsampler_unavailable"),
        (413, None, True, PermanentError, "source_too_large"),
        (415, None, True, PermanentError, "source_unsupported"),
        (400, SAID, True, PermanentError, "upsampler_rejected"),
        (400, None, True, PermanentError, "upsampler_rejected"),
        (400, {"error": "Internal error"}, True, PermanentError, "upsampler_rejected"),
        (422, {"error": "Image too large"}, True, PermanentError, "source_too_large"),
        (422, {"message": "Unsupported image format"}, True, PermanentError, "source_unsupported"),
        (
            422,
            {"error": {"message": "Failed to fetch image"}},
            True,
            PermanentError,
            "source_unreachable_for_upsampler",
        ),
        (400, {"error": "Insufficient credits"}, True, ConfigurationError, "upsampler_credits_exhausted"),
        (404, SAID, True, PermanentError, "upsampler_rejected"),
        # A web server's page instead of the API's answer: the address is wrong, the customer's picture is not.
        (404, None, True, TemporaryError, "upsampler_unavailable"),
        (405, None, True, TemporaryError, "upsampler_unavailable"),
        (404, None, False, TemporaryError, "upsampler_unavailable"),
        (404, SAID, False, PermanentError, "upsampler_unknown_job"),
        (410, SAID, False, PermanentError, "upsampler_unknown_job"),
        (400, SAID, False, PermanentError, "upsampler_rejected"),
    ],
)
def test_an_http_status_is_read(status, body, submit, kind, code):
    error = http_error(status, body, submit=submit)
    assert (type(error), error.code) == (kind, code)
    assert error.detail.startswith(f"HTTP {status}")


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("2.5", 2.5),
        ("999999999", MAX_RETRY_AFTER_S),
        ("9" * 400, None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=90), usegmt=True), MAX_RETRY_AFTER_S),
        ("Sun, 01 Mar 2026 13:00:00 -0000", 3600),
        ("Sun, 99 Mar 2026 13:00:00 GMT", None),
        ("٧", None),
    ],
)
def test_retry_after_is_read_and_bounded(header, seconds):
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_none_or_within_an_hour(header):
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S
