"""Setup on a machine with systemd: it starts the sidecar for good, which delivers; and takes it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed import first_hour, systemd
from tests.testbed.customer import Customer
from tests.testbed.waiting import wait_for
from tests.testbed.whole import Whole

pytestmark = [
    pytest.mark.wordpress,
    pytest.mark.skipif(not systemd.possible(), reason="needs root, namespaces, and control groups of systemd's"),
]
UPLOADS = "/srv/shop/uploads"
PYTHON = f"{systemd.PROGRAM}/bin/python"
UNIT = "smi-sidecar@run.service"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Whole]:
    """The bridge is active, and knows no sidecar."""
    with Whole.start(tmp_path / "whole", processes=(), sandbox=["--instant"], connected=False) as whole:
        yield whole


@pytest.fixture
def machine(shop: Whole, tmp_path: Path) -> Iterator[systemd.Machine]:
    with systemd.Machine(tmp_path / "machine", {UPLOADS: shop.shop.uploads}) as machine:
        yield machine


@pytest.mark.timeout(360)
def test_setup_starts_the_sidecar_for_good_and_takes_it_back(
    shop: Whole, machine: systemd.Machine, tmp_path: Path
) -> None:
    setup = [PYTHON, "-m", "sidecar", "setup", "--yes"]
    flags = ["--uploads", UPLOADS, "--web-server", "none", *first_hour.first_flags(shop)]
    said = machine.run(*setup, *flags, check=False)
    assert "The bridge reaches the sidecar" in said, said + machine.run("systemctl", "status", UNIT, check=False)
    customer = Customer(shop.shop, tmp_path)
    job_id = customer.buy()
    customer.until(job_id, "delivered", timeout=60)

    before = _main(machine)
    machine.run("kill", "-KILL", before)
    wait_for(lambda: _main(machine) not in ("0", before), "systemd has started it again", 30)
    # What is bought before it listens again is found by the next reconciliation, and polled after half a minute.
    customer.until(customer.buy(), "delivered", timeout=150)

    machine.run(*setup, "--uninstall")
    assert machine.run("systemctl", "is-active", UNIT, check=False).strip() == "inactive"
    assert "smi-" not in machine.run("ps", "-A", "-o", "comm=")
    assert "smi-" not in machine.run("ls", "/etc/systemd/system")


def _main(machine: systemd.Machine) -> str:
    """The unit's main process, "0" when there is none."""
    said = machine.run("systemctl", "show", "--property=MainPID", UNIT)
    return re.findall(r"MainPID=(\d+)", said)[0]
