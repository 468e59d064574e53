"""A finished file that can't be brought to the shop is kept: it is not fetched again, and never ordered again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sidecar.core.errors import ConfigurationError, PermanentError, SidecarError, TemporaryError
from tests.workflow.rig import Rig

AT_THE_SHOP = {"SMI_STORAGE": "rest", "SMI_DATA_DIR": "/nowhere"}
AWAY = ConfigurationError("shop_unreachable", "no answer")
REFUSES = TemporaryError("upload_failed", "502")


class Way:
    """A rig whose files go to a shop that may not take them. `fetched`: how often the result was."""

    def __init__(self, **env: str) -> None:
        self.rig = Rig(**env)
        self.failure: SidecarError | None = None
        self.fetched = 0
        publish, stream = self.rig.files.publish, self.rig.fetcher.stream

        def published(*args: Any, **how: Any) -> None:
            if self.failure:
                raise self.failure
            publish(*args, **how)

        @contextmanager
        def fetched(*args: Any, **how: Any) -> Iterator[Any]:
            self.fetched += 1
            with stream(*args, **how) as response:
                yield response

        self.rig.files.publish, self.rig.fetcher.stream = published, fetched

    def fails(self, failure: SidecarError) -> Rig:
        self.failure = failure
        self.rig.buy()
        self.rig.let_pass(180)
        assert self.rig.job().state == "enlarged" and f"{failure.code} → " in self.rig.actions()[0]
        return self.rig


@pytest.mark.parametrize("failure", [AWAY, REFUSES], ids=lambda failure: failure.code)
def test_a_file_that_the_shop_did_not_take_is_brought_again_and_fetched_once(failure: SidecarError) -> None:
    way = Way(**AT_THE_SHOP)
    rig = way.fails(failure)
    assert len(rig.actions()) > 2
    way.failure = None
    rig.let_pass(1000)
    assert (rig.row().state, way.fetched) == ("delivered", 1)
    assert rig.parts.find("job-1", "") is None and rig.parts._parts == {}


def test_a_shop_that_is_away_for_longer_than_upsampler_keeps_a_result_costs_no_second_order() -> None:
    way = Way(**AT_THE_SHOP)
    rig = way.fails(AWAY)
    rig.let_pass(5 * 3600)
    way.failure = None
    rig.let_pass(2000)
    assert (rig.row().state, rig.row().submission, way.fetched) == ("delivered", 1, 1)


def test_a_kept_file_that_is_damaged_is_fetched_again() -> None:
    way = Way(**AT_THE_SHOP)
    rig = way.fails(AWAY)
    part, data = rig.parts._parts["job-1"]
    rig.parts._parts["job-1"] = part, data[:-1] + b"?"
    way.failure = None
    rig.let_pass(1000)
    assert (rig.row().state, way.fetched) == ("delivered", 2)


def test_what_is_no_fault_of_the_way_is_not_kept() -> None:
    way = Way(**AT_THE_SHOP)
    way.failure = PermanentError("path_outside", "…")
    way.rig.buy()
    way.rig.let_pass(600)
    assert way.rig.parts._parts == {} and way.rig.row().state == "review"


def test_a_file_of_a_shared_folder_is_not_kept() -> None:
    """Where it could not be renamed, it could not be kept either."""
    way = Way()
    way.fails(ConfigurationError("folder_not_writable", "…"))
    assert way.rig.parts._parts == {}


def test_a_file_for_which_there_is_no_room_waits_without_an_end_and_has_not_failed() -> None:
    way = Way(**AT_THE_SHOP)
    rig = way.fails(TemporaryError("uploads_full", "8 GB are under way"))
    rig.let_pass(3600)
    assert set(rig.actions()) == {"uploads_full → later"} and len(rig.actions()) > 30
    assert (rig.job().consecutive_failures, rig.shop.notices) == (0, [])
    way.failure = None
    rig.let_pass(120)
    assert (rig.row().state, way.fetched) == ("delivered", 1)
