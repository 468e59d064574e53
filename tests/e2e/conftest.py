"""The whole system, shared: starting it costs some seconds, buying a picture about one.

`whole` runs each test on the oldest and the newest WordPress; `newest` is one more on the newest, for tests of what
does not depend on WordPress and of other settings; `far` has its sidecar elsewhere. Tests that break parts start their
own.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.points import Points
from tests.testbed.customer import Customer
from tests.testbed.far import Far
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole
from tests.testbed.wordpress import NEWEST

# Writes down every announced change, one line each, as a plugin behind the shop hears it.
_LISTENER = """<?php
add_action( 'smi_job_status_changed', function ( $job_id, $old, $new, $data ) {
	file_put_contents( %s, json_encode( array( $job_id, $old, $new ) ) . "\\n", FILE_APPEND | LOCK_EX );
}, 10, 4 );
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a Whole stay together on one xdist worker; all of them have a WordPress."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        fixtures = getattr(item, "fixturenames", ())
        if "whole" in fixtures:
            item.add_marker(pytest.mark.xdist_group(f"whole-{item.callspec.params['wordpress_version']}"))
        elif "newest" in fixtures:
            item.add_marker(pytest.mark.xdist_group("newest"))
        elif "far" in fixtures:
            item.add_marker(pytest.mark.xdist_group("far"))
        if any(name in fixtures for name in ("newest", "own_whole", "far")):
            item.add_marker("wordpress")


class Announcements:
    """What `smi_job_status_changed` told in one shop."""

    def __init__(self, whole: Whole) -> None:
        self._file = whole.folder / "announcements.jsonl"
        plugins = whole.shop.root / "wp-content" / "mu-plugins"
        (plugins / "listener.php").write_text(_LISTENER % f"'{self._file}'")

    def of(self, job_id: str) -> list[tuple[str, str]]:
        """(old status, new status) of a completed job in their order. Listeners hear last, so they are waited for."""
        completed = ("processing", "completed")
        wait_for(lambda: self._announced(job_id)[-1:] == [completed], f"the end of {job_id}")
        return self._announced(job_id)

    def _announced(self, job_id: str) -> list[tuple[str, str]]:
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        return [(old, new) for announced, old, new in map(json.loads, lines) if announced == job_id]


@pytest.fixture(scope="session")
def whole(wordpress_version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Everything, as installed: its first poll comes after 30 s, so what is delivered sooner came by webhook."""
    folder = tmp_path_factory.mktemp("whole")
    json_lines = {"SMI_LOG_FORMAT": "json"}  # as in production
    with Whole.start(folder, version=wordpress_version, env=json_lines, sandbox=["--delay", "0.2"]) as whole:
        yield whole


@pytest.fixture(scope="session")
def announcements(whole: Whole) -> Announcements:
    return Announcements(whole)


@pytest.fixture(scope="session")
def customer(whole: Whole, announcements: Announcements, photos: Path) -> Customer:
    return Customer(whole.shop, photos)


@pytest.fixture(scope="session")
def newest() -> Iterator[Whole]:
    """Its folder can be read by everybody, as a web server's must be: Apache never reads as root."""
    with tempfile.TemporaryDirectory(prefix="smi-e2e-") as folder:
        Path(folder).chmod(0o755)
        with Whole.start(Path(folder), version=NEWEST, sandbox=["--instant"]) as whole:
            yield whole


@pytest.fixture(scope="session")
def buyer(newest: Whole, photos: Path) -> Customer:
    """The customer of `newest`."""
    return Customer(newest.shop, photos)


@pytest.fixture(scope="session")
def far_points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    """Where a process of `far` may be told to die."""
    return Points(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory, far_points: Points) -> Iterator[Far]:
    """A shop on plain hosting, and a sidecar elsewhere: files go through the shop's door."""
    env = {"SMI_CRASH_POINTS": str(far_points.folder), "SMI_FIRST_POLL_S": "1", "SMI_WORKERS": "2"}
    with Far.start(tmp_path_factory.mktemp("far"), env=env, sandbox=["--instant"]) as far:
        yield far


@pytest.fixture(scope="session")
def far_customer(far: Far, photos: Path) -> Customer:
    return Customer(far.shop, photos)


@pytest.fixture(scope="session")
def delivered(far_customer: Customer) -> dict[str, Any]:
    """The ledger's row of a job that `far` has delivered."""
    return far_customer.until(far_customer.buy(), "delivered")


@pytest.fixture
def own_whole(tmp_path: Path) -> Iterator[Callable[..., Whole]]:
    """Starts a Whole for one test: `Whole.start`'s settings."""
    started: list[Whole] = []

    def start(**settings: object) -> Whole:
        started.append(Whole.start(tmp_path / f"whole-{len(started)}", **settings))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for whole in started:
        whole.stop()
