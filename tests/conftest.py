"""Fixtures with real parts. Nothing starts for a test that does not ask for it; each xdist worker has its own."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.testbed.redis_server import RedisServer
from tests.testbed.wordpress import NEWEST, OLDEST

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.testbed.browser import Browser
    from tests.testbed.shop import Shop

# An example may take as long as a busy machine lets it: a property says nothing of time.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

TESTS = Path(__file__).resolve().parent
REAL_PARTS = frozenset(
    {"bridge", "chaos", "deploy", "doors", "e2e", "integrations", "recovery", "testbed_selftest", "ui"}
)
NOT_FAST = REAL_PARTS | {"php_versions"}
# Tests of more than some seconds, as `pytest --durations=50` shows them: `--fast` leaves them to the whole run.
SLOW = frozenset(
    {
        "test_a_paid_image_of_768_megapixels_passes_in_64_mb",
        "test_a_planted_bug_is_found",
        "test_a_planted_bug_is_noticed",
        "test_a_shop_that_was_away_for_days_gets_everything_and_the_customer_a_fresh_link",
        "test_every_job_has_its_ending_and_nothing_happens_twice",
        "test_every_path_ends_and_nothing_happens_twice",
        "test_the_bridge_passes",  # `make lint` says the same
        "test_the_first_bytes_tell_the_same_as_the_whole_file_or_nothing",
        "test_whatever_libvips_shows_is_a_source_as_libvips_finds_it",
    }
)


# What shares something takes minutes altogether; begun late, it would run alone at the end. The longest first, as
# `pytest --durations=0` shows them; then come all other groups, then what shares nothing and fills each gap.
LONGEST_FIRST = (
    *("newest", "ui-1", "chaos-test_redis", "ui-3", "ui-2", "ui-4", "playground-7.4", "bridge-7.1"),
    *("chaos-test_crashes", "integrations-7.1", "playground-8.5", "bridge-6.1", "php-versions", "chaos-test_rewound"),
    *("doctor", "chaos-test_flushall", "demo", "pull", "far", "whole-6.1", "recovery-test_table"),
    *("recovery-test_refunds", "whole-7.1", "chaos-test_stale_workers", "recovery-test_holds"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only what needs no WordPress, browser or real processes")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers of `-n auto`. Tests of real parts wait for most of their time: three workers keep a processor busy. The
    fast ones compute, and would starve those with deadlines: two more than processors, for some of them wait."""
    processors = len(os.sched_getaffinity(0))
    return processors + 2 if config.getoption("--fast") else 3 * processors


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Collecting makes hundreds of thousands of objects that all stay: looking for garbage among them is half of it."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Nor are they looked at again during the tests. Workers tell now what they have collected, in the order in which
    the groups are handed out."""
    if hasattr(session.config, "workerinput"):
        session.items.sort(key=_turn)
    gc.collect()
    gc.freeze()
    gc.enable()


def _turn(item: pytest.Item) -> int:
    groups = [mark.args[0] for mark in item.iter_markers("xdist_group")]
    turns = [LONGEST_FIRST.index(group) for group in groups if group in LONGEST_FIRST]
    return min(turns, default=len(LONGEST_FIRST) + (not groups))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The fast run does not even read the folders of real parts."""
    place = collection_path.relative_to(TESTS).parts if collection_path.is_relative_to(TESTS) else ()
    return True if config.getoption("--fast") and place and place[0] in NOT_FAST else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test with a real shop or a real browser bears their mark, so that `-m "not wordpress"` leaves it out.

    A second chance needs a reason, and the summary counts those that were taken.
    """
    for item in items:
        named = item.get_closest_marker("second_chance")
        if named and not (named.args and str(named.args[0]).strip()):
            raise pytest.UsageError(f"{item.nodeid}: a second chance needs a reason")
        if named:
            item.add_marker(pytest.mark.flaky(reruns=1))
            item.user_properties.append(("second chance", str(named.args[0])))
        fixtures = getattr(item, "fixturenames", ())
        if "shop_factory" in fixtures or "wordpress_version" in fixtures:
            item.add_marker("wordpress")
        if "browser" in fixtures:
            item.add_marker("browser")
        if getattr(item, "originalname", item.name) in SLOW:
            item.add_marker("slow")
    if config.getoption("--fast"):
        heavy = {"wordpress", "browser", "slow"}
        left_out = [item for item in items if heavy & {mark.name for mark in item.iter_markers()}]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many second chances were taken, by reason."""
    reports = terminalreporter.stats.get("rerun", [])
    taken = Counter(dict(report.user_properties).get("second chance", "no reason given") for report in reports)
    for why, times in sorted(taken.items()):
        terminalreporter.write_line(f"second chances: {times} ({why})")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the whole run; a test that kills it or fills it starts its own `RedisServer` instead."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Address of a real, empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session", params=[OLDEST, NEWEST], ids=lambda version: f"wordpress-{version}")
def wordpress_version(request: pytest.FixtureRequest) -> str:
    """The oldest and the newest WordPress that the bridge claims: a test that asks for it runs on both."""
    return request.param


@pytest.fixture(scope="session")
def shop_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Shop]]:
    """Starts shops: takes `Shop.start`'s arguments but the folder. What is not stopped earlier ends with the run.

    A start takes about a second: share a shop in a fixture of module scope,
    `with shop_factory(...) as shop: yield shop`.
    """
    from tests.testbed.shop import Shop

    shops: list[Shop] = []

    def start(*arguments: object, **settings: object) -> Shop:
        folder = tmp_path_factory.mktemp("shop") / "site"
        shops.append(Shop.start(folder, *arguments, **settings))  # type: ignore[arg-type]
        return shops[-1]

    yield start
    for shop in shops:
        shop.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from tests.testbed.browser import Browser

    with Browser() as browser:
        yield browser


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh, headless Chromium profile."""
    with browser.page() as page:
        yield page


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `tests.testbed.photos.photo`."""
    return tmp_path_factory.mktemp("photos")
