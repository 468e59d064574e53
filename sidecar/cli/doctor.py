"""Face: `doctor` checks a real installation, a line each, and says how to mend what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..core.errors import SidecarError
from ..services import Services


@dataclass(frozen=True)
class Finding:
    """`ok`: None when it could not be looked at (because something before it failed)."""

    name: str
    ok: bool | None
    found: str
    mend: str = ""


def add(commands) -> None:
    parser = commands.add_parser("doctor", help="check this installation, and say how to mend it")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.set_defaults(run=_run)


def _run(given) -> int:
    import json

    findings = []
    for finding in examine(Services.from_env()):
        findings.append(finding)
        if not given.json:
            mark = {True: "ok  ", False: "FAIL", None: "?   "}[finding.ok]
            print(f"{mark}  {finding.name}: {finding.found}", flush=True)
            if finding.ok is False and finding.mend:
                print(f"      → {finding.mend}", flush=True)
    if given.json:
        print(json.dumps([finding.__dict__ for finding in findings], indent=2))
    return 0 if all(finding.ok for finding in findings) else 1


def examine(services: Services) -> Iterator[Finding]:
    """Every check, in the order in which faults explain each other."""
    for name, check in _CHECKS:
        try:
            yield check(services, name)
        except SidecarError as error:
            yield Finding(name, False, f"{error.code}: {error.detail}", _MEND.get(error.code, ""))


def _redis(services: Services, name: str) -> Finding:
    services.ports.store.ping()
    where = services.settings.redis_url or f"embedded, in {services.settings.data_dir}"
    policy = services.ports.store.eviction_policy()
    if policy not in ("", "noeviction"):
        return Finding(name, False, f"maxmemory-policy is {policy}", "CONFIG SET maxmemory-policy noeviction")
    return Finding(name, True, where.rpartition("@")[2])


def _persistence(services: Services, name: str) -> Finding:
    how = services.ports.store.persistence()
    mend = "Set appendonly yes. Without it a restart of Redis costs up to a minute per job: the pull brings all back."
    return Finding(name, how != "none", how, mend)


def _worker(services: Services, name: str) -> Finding:
    workers = services.ports.queue.workers()
    return Finding(name, workers > 0, f"{workers} alive", "Start the Procfile's `worker`.")


def _clock(services: Services, name: str) -> Finding:
    alive = services.ports.store.alive("cron")
    return Finding(name, alive, "alive" if alive else "no heartbeat", "Start the Procfile's `cron`.")


def _uploads(services: Services, name: str) -> Finding:
    services.ports.files.probe()
    return Finding(name, True, f"{services.ports.files.root} can be written and read")


def _shop(services: Services, name: str) -> Finding:
    began = time.monotonic()
    answer = services.ports.shop.ask("status", {})
    milliseconds = (time.monotonic() - began) * 1000
    theirs = answer.get("site")
    if theirs != services.settings.site:
        mend = f"Set SMI_SHOP_URL={theirs}"
        return Finding(name, False, f"it calls itself {theirs}, we know it as {services.settings.site}", mend)
    return Finding(name, True, f"bridge {answer.get('version')} answers in {milliseconds:.0f} ms")


def _readable(services: Services, name: str) -> Finding:
    """The same folder from both sides: we write a name, the shop tells whether it sees it."""
    answer = services.ports.shop.ask("status", {})
    theirs, ours = answer.get("uploads_dir"), str(services.settings.uploads_dir)
    mend = "SMI_UPLOADS_DIR must be the folder that WordPress calls its uploads (another path to it is fine)."
    if not answer.get("sees_downloads", True):
        return Finding(name, False, f"WordPress can't read {theirs}/smi-downloads", mend)
    return Finding(name, True, f"{theirs} there, {ours} here")


def _clocks(services: Services, name: str) -> Finding:
    from ..core.messages import parse_rfc3339

    answer = services.ports.shop.ask("status", {})
    skew = parse_rfc3339(answer["time"]) - services.ports.clock()
    return Finding(name, abs(skew) < 60, f"{abs(skew):.0f} s apart", "Run NTP on both machines.")


def _our_door(services: Services, name: str) -> Finding:
    """A signed message to ourselves, as the bridge sends it."""
    import requests

    from ..core.messages import TO_SIDECAR, Signer

    settings = services.settings
    signer = Signer(settings.secret, direction=TO_SIDECAR, site=settings.site)
    body, headers = signer.seal("status", {}, now=services.ports.clock())
    host = "127.0.0.1" if settings.bind in ("0.0.0.0", "::") else settings.bind
    address = f"http://{host}:{settings.port}/messages"
    try:
        response = requests.post(address, data=body, headers=headers, timeout=5)
    except requests.RequestException as error:
        return Finding(name, False, f"{address}: {type(error).__name__}", "Start the Procfile's `web`.")
    return Finding(name, response.status_code == 200, f"{address} answered {response.status_code}", "Read web's log.")


def _upsampler(services: Services, name: str) -> Finding:
    services.ports.upsampler.check_key()
    return Finding(name, True, f"{services.settings.upsampler_url} accepts the key")


def _held(services: Services, name: str) -> Finding:
    held = services.ports.store.held()
    if not held:
        return Finding(name, True, "nothing is held")
    found = "; ".join(f"{stage}: {why['reason']} ({why['detail']})" for stage, why in held.items())
    return Finding(name, False, found, "It goes on by itself when the cause is gone.")


_CHECKS: tuple[tuple[str, Callable[[Services, str], Finding]], ...] = (
    ("Redis", _redis),
    ("Redis keeps its data", _persistence),
    ("Workers", _worker),
    ("Clock", _clock),
    ("Uploads folder", _uploads),
    ("The shop's door", _shop),
    ("The same uploads folder", _readable),
    ("Clocks", _clocks),
    ("Our own door", _our_door),
    ("Upsampler", _upsampler),
    ("Holds", _held),
)
_MEND = {
    "redis_unavailable": "Start Redis (or the Procfile's `store`), or mend REDIS_URL.",
    "folder_not_writable": "Let the sidecar's user write there: chown, or a common group and SMI_FOLDER_MODE=0775.",
    "disk_full": "Make room in the uploads folder.",
    "shop_unavailable": "Is the shop up, and does SMI_SHOP_URL (or SMI_SHOP_ADDRESS) reach it from this machine?",
    "shop_refused": "Compare SMI_SECRET with the bridge's settings page, SMI_SHOP_URL with the shop's address, clocks.",
    "shop_door_missing": "Activate the SMI Bridge plugin; a security plugin may block /wp-json/smi-bridge/v1/.",
    "shop_refused_message": "Bridge and sidecar are of different versions: update both.",
    "upsampler_key_refused": "Set UPSAMPLER_API_KEY to the key of your account.",
    "upsampler_credits_exhausted": "Buy credits; the jobs wait.",
    "upsampler_unavailable": "Upsampler can't be reached from here: network, proxy, UPSAMPLER_URL?",
}
