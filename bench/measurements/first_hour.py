"""first_hour: from `pip install` of the wheel on a machine with nothing to the first delivered picture, by the sandbox.

The shop runs, with the bridge active and unconnected; all that setup asks is answered by flags. pip fetches what the
wheel asks for from its registry, or its cache. The same is installed a second time by uv, where that is at hand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.testbed import first_hour, wheel
from tests.testbed.customer import Customer
from tests.testbed.whole import Whole

from ..bench import Bench
from ..figures import Figure, at_most, figure


def run(bench: Bench) -> Iterator[Figure]:
    folder = bench.new_folder("first-hour")
    packed = wheel.make_dist(folder / "dist").wheel
    with Whole.start(folder / "whole", processes=(), sandbox=["--instant"], connected=False) as whole:
        customer = Customer(whole.shop, folder)
        photo = customer.photo()
        flags = first_hour.first_flags(whole)
        home = folder / "sidecar"
        home.mkdir()
        began = time.monotonic()
        programs = folder / "environment" / "bin"
        subprocess.run([sys.executable, "-m", "venv", str(programs.parent)], check=True, timeout=120)
        pip = [str(programs / "pip"), "install", "--quiet", "--disable-pip-version-check", str(packed)]
        subprocess.run(pip, check=True, timeout=600, capture_output=True)
        installed = time.monotonic() - began
        first_hour.setup(whole, home, programs, *flags).check_returncode()
        with first_hour.Installed(home, programs, whole.sidecar_port):
            first_hour.setup(whole, home, programs).check_returncode()
            customer.until(customer.buy(photo), "delivered")
            seconds = time.monotonic() - began
    yield figure("first_hour", "s", [seconds], at_most(60))
    yield figure("first_hour.pip", "s", [installed])
    if uv := shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"):
        again = folder / "environment-by-uv"
        began = time.monotonic()
        subprocess.run([uv, "venv", "--quiet", str(again)], check=True, timeout=120)
        line = [uv, "pip", "install", "--quiet", "--python", str(again / "bin" / "python"), str(packed)]
        subprocess.run(line, check=True, timeout=600, capture_output=True)
        yield figure("first_hour.uv", "s", [time.monotonic() - began], note="instead of pip")
