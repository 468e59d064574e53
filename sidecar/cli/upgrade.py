"""Face: `upgrade-check` says whether bridge and sidecar fit, and which of them to renew."""

from __future__ import annotations

import json

from ..core.advice import advice
from ..core.compatibility import older, work_together
from ..core.errors import SidecarError
from ..core.version import VERSION
from ..services import Services

RENEW = {
    "sidecar": "pip install --upgrade smi-sidecar && smi-sidecar setup",
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
    fits, behind = work_together(bridge, VERSION), older(bridge, VERSION)
    if given.json:
        print(json.dumps({"bridge": bridge, "sidecar": VERSION, "compatible": fits, "older": behind or None}))
        return 0 if fits else 1
    if fits:
        print(f"Bridge {bridge} and sidecar {VERSION} work together.")
    else:
        print(advice("versions_apart", bridge=bridge, sidecar=VERSION).sentence)
    if behind:
        print(f"The {behind} is the older one:\n    {RENEW[behind]}")
    return 0 if fits else 1


def versions(services: Services) -> dict[str, str | None]:
    """For `status`: the bridge's is None when the shop can't be asked."""
    try:
        bridge = services.ports.shop.ask("status", {}).get("version")
    except SidecarError:
        bridge = None
    return {"sidecar": VERSION, "bridge": bridge}
