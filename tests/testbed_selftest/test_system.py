"""What the machine lacks is said in plain words."""

import subprocess
import sys

from tests.testbed import system
from tests.testbed.places import REPOSITORY


def _run(*groups: str, path: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.testbed.system", *groups],
        cwd=REPOSITORY,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_without_means_to_install_the_missing_packages_are_listed() -> None:
    ended = _run("shop", path="/nowhere")
    assert ended.returncode == 1
    assert "  PHP: php-cli\n" in ended.stderr
    assert "apt-get install --no-install-recommends php-cli" in ended.stderr


def test_an_unknown_group_is_refused_and_the_known_ones_are_named() -> None:
    ended = _run("shops", path="/usr/bin:/bin")
    assert ended.returncode == 2
    assert "unknown group shops; there are shop, redis, apache, browser" in ended.stderr


def test_php_fpm_is_of_the_same_version_as_php() -> None:
    said = subprocess.run(
        ["php", "-r", "echo PHP_VERSION;"], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert (program := system.php_fpm()) is not None
    fpm = subprocess.run([program, "-v"], capture_output=True, text=True, check=True, timeout=120).stdout
    assert fpm.startswith(f"PHP {said.rpartition('.')[0]}.")
