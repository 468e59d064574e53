"""The plugin as an admin gets it: one file that WordPress can install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed.places import REPOSITORY
from tests.testbed.shop import Shop


@pytest.mark.xdist_group("plugin-package")
def test_wordpress_installs_and_activates_the_packed_plugin(shop_factory: Callable[..., Shop], tmp_path: Path) -> None:
    """By WordPress' own upgrader, from the file that `make plugin` makes, on a site without a shop."""
    packed = tmp_path / "smi-bridge.zip"
    line = ["make", "--silent", "plugin", f"PYTHON={sys.executable}", f"PACKAGE={packed}"]
    subprocess.run(line, cwd=REPOSITORY, check=True, timeout=600)
    names = zipfile.ZipFile(packed).namelist()
    assert {name.partition("/")[0] for name in names} == {"smi-bridge"}
    assert not [name for name in names if name.endswith((".py", ".md", ".map")) or "/tests/" in name]
    with shop_factory() as shop:
        installed = shop.php_json(
            "require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';"
            "require_once ABSPATH . 'wp-admin/includes/file.php'; require_once ABSPATH . 'wp-admin/includes/misc.php';"
            f"return ( new Plugin_Upgrader( new Automatic_Upgrader_Skin() ) )->install( '{packed}' );"
        )
        assert installed is True
        shop.activate("smi-bridge")
        assert shop.php_json("return count( SmiBridge\\Health\\Connection_Test::tested() );") == 1
        assert shop.sql("SHOW TABLES LIKE 'wp_smi_bridge_ledger'")
        assert shop.complaints("smi-bridge") == []
