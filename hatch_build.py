"""The wheel's build: the package, and beside it all that is no Python (sidecar/core/packaged.py says where it is)."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Everything(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable install reads the checkout itself."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from sidecar.adapters.bridge_zip import pack

        root, folder = Path(self.root), Path(self.directory)
        folder.mkdir(parents=True, exist_ok=True)
        bridge = folder / ".smi-bridge.zip"
        with bridge.open("wb") as stream:
            pack(root / "wp-bridge-plugin", root / "LICENSE", stream)
        build_data["force_include"].update(
            {
                str(bridge): "sidecar/smi-bridge.zip",
                str(root / "wp-bridge-plugin" / "schemas"): "sidecar/schemas",
                str(root / "deploy"): "sidecar/deploy",
            }
        )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        Path(self.directory, ".smi-bridge.zip").unlink(missing_ok=True)
