"""A connected shop for the tests of what other tools see: WP-CLI, REST, Abilities, privacy, copies, networks."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.conftest import BRIDGE, SECRET, STILL, Bridge, connect
from tests.bridge.sidecar_stand_in import ShopDoor, SidecarStandIn
from tests.testbed import php
from tests.testbed.shop import DEMO_SHOP, Shop
from tests.testbed.system import find_program
from tests.testbed.wordpress import NEWEST

STAND_IN = Path(__file__).parent / "wp_cli" / "wp.php"


@dataclass
class Ended:
    """A command that came to its end."""

    status: int
    out: str
    err: str


class Tools(Bridge):
    """A `Bridge` with a command line."""

    def wp(self, *words: str, stdin: str = "") -> Ended:
        """Run `wp smi-bridge …`: WP-CLI itself where it is installed, else the stand-in beside this file."""
        scan = self.shop.folder / "wp-cli-ini"
        scan.mkdir(exist_ok=True)
        (scan / "testbed.ini").write_text(
            "".join(f'{name} = "{value}"\n' for name, value in (self.shop.ini | php.FILES_ONLY).items())
        )
        program = [wp] if (wp := shutil.which("wp")) else [find_program("php") or "php", str(STAND_IN)]
        site = [f"--path={self.shop.root}", f"--url={self.shop.url}"]
        ended = subprocess.run(
            [*program, *site, "smi-bridge", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "PHP_INI_SCAN_DIR": f":{scan}"},
            timeout=120,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def user(self, name: str, role: str) -> Any:
        """A session of a new user."""
        self.shop.php(
            f"$id = wp_insert_user(['user_login' => '{name}', 'user_pass' => '{name}-password', 'role' => '{role}',"
            f" 'user_email' => '{name}@shop.example']); if (is_wp_error($id)) {{ throw new Exception('no user'); }}"
        )
        return self.shop.login(name, f"{name}-password")

    def empty(self) -> None:
        """Forget all jobs."""
        for table in ("smi_jobs", "smi_bridge_ledger", "smi_bridge_effects", "smi_bridge_events"):
            self.shop.sql(f"DELETE FROM wp_{table}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a WordPress go to the same worker."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            version = getattr(item, "callspec", None) and item.callspec.params.get("wordpress_version")
            shared = item.path.stem if "network" in getattr(item, "fixturenames", ()) else version or NEWEST
            item.add_marker(pytest.mark.xdist_group(f"integrations-{shared}"))


def start_tools(shop: Shop, sidecar: SidecarStandIn) -> Tools:
    connect(shop, sidecar)
    sidecar.status |= {"workers": 2, "scheduler": True, "queues": {"submit": 3}, "held": {}}
    return Tools(shop, sidecar, ShopDoor(shop.url, shop.url, SECRET, shop.http))


@pytest.fixture(scope="session")
def connected(shop_factory: Callable[..., Shop]) -> Iterator[Callable[[str], Tools]]:
    """The shop of a WordPress version, started when it is first asked for."""
    with ExitStack() as open_shops:

        @cache
        def of(version: str) -> Tools:
            shop = open_shops.enter_context(shop_factory(version, [BRIDGE, DEMO_SHOP], constants=STILL))
            return start_tools(shop, open_shops.enter_context(SidecarStandIn(SECRET, shop.url)))

        yield of


@pytest.fixture(scope="session")
def newest_tools(connected: Callable[[str], Tools]) -> Tools:
    return connected(NEWEST)


def _without_faults(tools: Tools) -> Iterator[Tools]:
    tools.sidecar.forget()
    tools.shop.mailbox.clear()
    before = len(tools.shop.debug_log)
    yield tools
    tools.shop.wait_still()
    lines = tools.shop.debug_log[before:].splitlines()
    ours = [line for line in lines if ("PHP " in line and "smi-bridge" in line) or "WordPress database error" in line]
    assert ours == []


@pytest.fixture
def tools(newest_tools: Tools) -> Iterator[Tools]:
    """The newest WordPress. The shop's log must name no fault of the plugin when the test is over."""
    yield from _without_faults(newest_tools)


@pytest.fixture
def tools_everywhere(connected: Callable[[str], Tools], wordpress_version: str) -> Iterator[Tools]:
    """The oldest and the newest WordPress."""
    yield from _without_faults(connected(wordpress_version))
