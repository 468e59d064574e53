"""README, readme.txt, the plugin's header and its own check claim the versions of PHP that the tests run."""

import re

from tests.php_versions.claims import NEWEST_PHP, OLDEST_PHP
from tests.testbed.places import REPOSITORY

PLUGIN = REPOSITORY / "wp-bridge-plugin"


def test_the_pages_claim_what_runs() -> None:
    for page in ("README.md", "docs/installation.md"):
        claimed = re.findall(r"PHP (\d\.\d) to (\d\.\d)", (REPOSITORY / page).read_text())
        assert claimed == [(OLDEST_PHP, NEWEST_PHP)], page


def test_the_plugin_asks_for_the_oldest() -> None:
    header = (PLUGIN / "smi-bridge.php").read_text()
    assert re.findall(r"Requires PHP: *(\S+)", header) == [OLDEST_PHP]
    assert re.findall(r"Requires PHP: *(\S+)", (PLUGIN / "readme.txt").read_text()) == [OLDEST_PHP]
    major, minor = map(int, OLDEST_PHP.split("."))
    assert f"PHP_VERSION_ID < {major * 10000 + minor * 100}" in header
