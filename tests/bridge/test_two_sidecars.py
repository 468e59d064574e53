"""Two sidecars, connected to one shop by mistake, are told of; one that is replaced, or has lost its Redis, is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bridge.conftest import Bridge

NEWEST_ONLY = True  # nothing here depends on the version of WordPress

# Jobs of other tests may have problems of their own, which Site Health names first.
_HEALTH_OF_SIDECARS = """
add_filter( 'smi_bridge_problems', function ( $found ) {
	return wp_list_filter( $found, array( 'kind' => 'sidecars' ) );
} );
return SmiBridge\\Health\\Site_Health::test_jobs();
"""


@pytest.fixture
def fresh(bridge: Bridge) -> Iterator[Bridge]:
    bridge.shop.php("delete_option('smi_bridge_sidecars');")
    yield bridge
    bridge.shop.php("delete_option('smi_bridge_sidecars');")


def visits(bridge: Bridge, *names: str) -> list[str]:
    """The pull of each; returns whom the shop then calls two."""
    for name in names:
        assert bridge.door.send("jobs.unfinished", {"limit": 1, "sidecar": name})["status"] == "done"
    return bridge.door.send("status", {})["data"]["sidecars"]


def problems(bridge: Bridge) -> list[str]:
    found = bridge.shop.php_json("return SmiBridge\\Health\\Problems::all();")
    return [problem["text"] for problem in found if problem["kind"] == "sidecars"]


@pytest.mark.parametrize("names", ["a a a", "a b b", "a b c", "a a b b"])
def test_one_after_the_other_is_one(fresh: Bridge, names: str) -> None:
    assert visits(fresh, *names.split()) == []
    assert problems(fresh) == []


def test_one_that_comes_back_after_another_was_here_makes_two(fresh: Bridge) -> None:
    assert visits(fresh, "host-one", "host-two", "host-one") == ["host-one", "host-two"]
    (text,) = problems(fresh)
    assert "host-one, host-two" in text
    health = fresh.shop.php_json(_HEALTH_OF_SIDECARS)
    assert "Two sidecars" in health["label"] and "host-one, host-two" in health["description"]


def test_when_one_is_stopped_it_is_forgotten(fresh: Bridge) -> None:
    visits(fresh, "host-one", "host-two", "host-one")
    fresh.shop.php(
        "$known = get_option('smi_bridge_sidecars'); $known['at'] -= 700;"
        "$known['left'] = array_map(function ($at) { return $at - 700; }, $known['left']);"
        "update_option('smi_bridge_sidecars', $known);"
    )
    assert visits(fresh, "host-one", "host-one") == []
    assert problems(fresh) == []
