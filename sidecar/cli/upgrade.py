"""Console: `upgrade-check` says whether bridge and sidecar fit, and which of them to renew."""

from __future__ import annotations

import json

from ..core.advice import advice
from ..core.compatibility import older, work_together
from ..core.errors import SidecarError
from ..core.version import VERSION
from ..services import Services

RENEW = {
    "sidecar": "sudo /opt/smi-sidecar/bin/pip install --upgrade /path/to/smi_sidecar-*.whl && sudo smi-sidecar setup"
    " && sudo systemctl restart smi-sidecar.target",
    "bridge": "smi-sidecar plugin > smi-bridge.zip   # then Plugins → Add New → Upload",
}


def add(commands) -> None:
    help = "say whether bridge and sidecar work together, and which of them to renew"
    parser = commands.add_parser("upgrade-check", help=help, description=help)
    parser.add_argument("--json", action="store_true", help="the answer as JSON")
    parser.set_defaults(run=_run)


def _run(given) -> int:
    """Exit status 1: they do not work together."""
    bridge = str(Services.from_env().ports.shop.ask("status", {}).get("version"))
    found = compared(bridge) | {"older": older(bridge, VERSION) or None}
    print(json.dumps(found) if given.json else in_words(bridge))
    return 0 if found["compatible"] else 1


def in_words(bridge: str) -> str:
    """Whether a bridge of this version fits, and what to renew."""
    behind = older(bridge, VERSION)
    if work_together(bridge, VERSION):
        said = f"Bridge {bridge} and sidecar {VERSION} work together."
    else:
        said = advice("versions_apart", bridge=bridge, sidecar=VERSION).sentence
    return f"{said}\nThe {behind} is the older one:\n    {RENEW[behind]}" if behind else said


def compared(bridge: str | None) -> dict[str, str | bool | None]:
    """Both versions; `compatible` is None where the bridge's is not known: that is no reason to renew anything."""
    fits = None if bridge is None else work_together(bridge, VERSION)
    return {"sidecar": VERSION, "bridge": bridge, "compatible": fits}


def versions(services: Services) -> dict[str, str | bool | None]:
    """For `status`: the bridge's is None when the shop can't be asked."""
    try:
        return compared(str(services.ports.shop.ask("status", {}).get("version")))
    except SidecarError:
        return compared(None)
