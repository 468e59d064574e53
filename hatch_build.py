"""The wheel's build: the package, and beside it all that is no Python (sidecar/core/packaged.py says where it is).

`python hatch_build.py FOLDER`, which `make dist` calls, makes wheel, sdist and the bridge's zip: the same bytes each
time.
"""

import os
import subprocess
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
        for file in (root / "wp-bridge-plugin" / "languages").glob("*.mo"):
            build_data["force_include"][str(file)] = f"sidecar/languages/{file.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        Path(self.directory, ".smi-bridge.zip").unlink(missing_ok=True)


ROOT = Path(__file__).resolve().parent
NO_EPOCH = 1580601600  # 2020-02-02, what hatchling takes


def epoch() -> int:
    """SOURCE_DATE_EPOCH, or when the last commit was made, or a fixed moment where there is no history."""
    if known := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(known)
    if not (ROOT / ".git").exists():
        return NO_EPOCH
    line = ["git", "log", "-1", "--format=%ct"]
    try:
        said = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:  # no git here
        return NO_EPOCH
    return int(said.stdout) if said.returncode == 0 else NO_EPOCH


def make_all(folder: Path) -> None:
    """Wheel, sdist and zip. Raises CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    line = [sys.executable, "-m", "hatchling", "build", "-d", str(folder.resolve()), "-t", "sdist", "-t", "wheel"]
    subprocess.run(line, cwd=ROOT, env=env, check=True, timeout=300)
    with (folder / "smi-bridge.zip").open("wb") as stream:
        line = [sys.executable, "-m", "sidecar.adapters.bridge_zip"]
        subprocess.run(line, cwd=ROOT, env=env, check=True, stdout=stream, timeout=60)


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
