"""A sidecar that answers a byte now and then, or never: each wait of WordPress ends, and what is done then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.bridge.conftest import Bridge
from tests.fetch import drips
from tests.fetch.wire_server import WireServer

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


@pytest.fixture(params=drips.ALL.values(), ids=drips.ALL)
def slow(request: pytest.FixtureRequest, bridge: Bridge) -> Iterator[WireServer]:
    """The bridge's sidecar is this one."""
    with WireServer(request.param) as server:
        bridge.option("smi_bridge_sidecar_url", server.url)
        yield server
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
        bridge.shop.php("delete_option('smi_bridge_circuit'); delete_option('smi_bridge_sidecar_health');")


@pytest.fixture
def patience(bridge: Bridge) -> Iterator[Callable[[str], None]]:
    """Make a limit small, so that nobody waits for long; what it is else stands in the code's own defaults."""
    removers: list[Callable[[], None]] = []

    def small(name: str) -> None:
        code = f"add_filter( '{name}', function ( $limits ) {{ return array( 200, 300 ); }} );"
        removers.append(bridge.mu_plugin(f"patience-{name}", code))

    yield small
    for remove in removers:
        remove()


def _circuit(bridge: Bridge) -> dict[str, Any]:
    return bridge.shop.php_json("return SmiBridge\\Wire\\Circuit_Breaker::read();")


def test_a_payments_message_is_given_up_and_the_next_one_does_not_try(
    bridge: Bridge, slow: WireServer, patience: Callable[[str], None]
) -> None:
    patience("smi_bridge_forward_patience")
    for _ in range(2):
        bridge.pay(job_id := bridge.job())
        assert bridge.state(job_id) == "paid", "the pull brings it"
    assert slow.connections == 1
    assert (_circuit(bridge)["failures"], _circuit(bridge)["reason"]) == (1, "timeout")


def test_the_status_question_is_given_up_and_the_admin_is_told(
    bridge: Bridge, slow: WireServer, patience: Callable[[str], None]
) -> None:
    patience("smi_bridge_status_patience")
    last = bridge.shop.php_json("return SmiBridge\\Wire\\Sidecar_Report::inspect( 0 );")
    assert (last["ok"], last["code"], last["status"]) == (False, "timeout", None)


def test_a_relayed_webhook_is_answered_so_that_it_comes_again_and_the_next_one_does_not_try(
    bridge: Bridge, slow: WireServer
) -> None:
    for _ in range(2):
        answer = requests.post(f"{bridge.shop.url}/smi-webhook/upsampler/?token=abc", data=b"{}", timeout=60)
        assert (answer.status_code, answer.json()) == (503, {"accepted": False})
    assert slow.connections == 1
    assert _circuit(bridge)["reason"] == "timeout"


def test_the_limits_are_those_that_are_documented(bridge: Bridge) -> None:
    """With which clients are made, where no filter says otherwise."""
    told = bridge.shop.php_json(
        """
        $told = [];
        foreach ( [ 'forward', 'status' ] as $name ) {
            add_filter( "smi_bridge_{$name}_patience", function ( $limits ) use ( &$told, $name ) {
                $told[ $name ] = $limits;
                return [ 1, 1 ];
            } );
        }
        SmiBridge\\Wire\\Sidecar_Report::inspect( 0 );
        SmiBridge\\Jobs\\Send_Later::later( 'status', 'nobody', 1 );
        SmiBridge\\Jobs\\Send_Later::send_waiting();
        delete_option( 'smi_bridge_circuit' );
        delete_option( 'smi_bridge_sidecar_health' );
        return $told;
        """
    )
    assert told == {"forward": [1000, 3000], "status": [1000, 3000]}
