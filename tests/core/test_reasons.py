"""The catalogue of reasons: words for a console."""

from __future__ import annotations

from sidecar.core.reasons import REASONS, in_words


def test_a_reason_is_told_with_what_helps() -> None:
    assert in_words("upsampler_credits_exhausted") == "The Upsampler account is empty. Buy credits"
    assert in_words("source_gone") == "Photo not found"


def test_a_reason_of_a_newer_version_is_told_as_it_is() -> None:
    assert in_words("new_reason") == "new_reason"


def test_every_reason_has_a_label() -> None:
    assert all(set(words) <= {"label", "advice", "hold"} and words["label"] for words in REASONS.values())
