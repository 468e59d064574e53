"""Core: where the files are that are no Python. A wheel holds them inside the package; a checkout has each one where it
is written, schemas and translations in the bridge's own folder. `hatch_build.py` puts them into the wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent


def _place(in_the_wheel: str, in_a_checkout: str) -> Path:
    inside = PACKAGE / in_the_wheel
    return inside if inside.exists() else CHECKOUT / in_a_checkout


SCHEMAS = _place("schemas", "wp-bridge-plugin/schemas")
LANGUAGES = _place("languages", "wp-bridge-plugin/languages")
DEPLOY = _place("deploy", "deploy")
# Of these two a checkout has the folder only, and a wheel the ready file only.
BRIDGE_ZIP = PACKAGE / "smi-bridge.zip"
BRIDGE_FOLDER = CHECKOUT / "wp-bridge-plugin"
