"""Console: what `doctor` looks at. Each check asks one thing of the real installation, and knows how it is fixed."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ..adapters import embedded, outside
from ..adapters.connections import place
from ..core.addresses import host_as_sent
from ..core.advice import Advice, advice
from ..core.compatibility import work_together
from ..core.env import local_address
from ..core.errors import ConfigurationError
from ..core.messages import TO_SIDECAR, Signer, parse_rfc3339, site_identity
from ..core.version import VERSION
from ..services import Services
from ..workflow import lateness
from .checks_of_files import Finding, cdn, closed, same_folder, uploads

MOST_SKEW_S = 60  # clocks further apart are told of; messages are refused at 300


@dataclass(frozen=True)
class Check:
    """`needs`: names of the checks without which this one has nothing to say."""

    name: str
    run: Callable[[Services, str], Finding]
    needs: tuple[str, ...] = ()


# ---------------------------------------------------------------------- this side
def _redis(services: Services, name: str) -> Finding:
    services.ports.store.server.ping()
    where = place(services.settings.redis_url, services.settings.data_dir)
    policy = services.ports.store.server.eviction_policy()
    if policy not in ("", "noeviction"):
        fix = "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf: else a full Redis drops jobs."
        return Finding(name, False, f"maxmemory-policy is {policy}", fix)
    return Finding(name, True, where)


def _persistence(services: Services, name: str) -> Finding:
    how = services.ports.store.server.persistence()
    fix = "Set appendonly yes. Without it a restart of Redis costs a job up to a minute, until reconciliation."
    return Finding(name, how != "none", how, fix)


def _closed_store(services: Services, name: str) -> Finding:
    """The embedded store holds links and addresses: its folder and files are its owner's only."""
    if services.settings.redis_url:
        return Finding(name, True, "a server of its own")
    folder = embedded.folder(services.settings.data_dir)
    found = embedded.open_to_others(services.settings.data_dir)
    if found:
        fix = f"chmod -R go= {folder}, and chown it to the sidecar's user; `smi-sidecar run` does so at each start."
        return Finding(name, False, f"others may use {found[0]} (and {len(found) - 1} more)", fix)
    return Finding(name, True, f"{folder} is its owner's only")


def _worker(services: Services, name: str) -> Finding:
    workers, late = services.ports.queue.workers(), lateness.late(services.ports)
    if workers and late:
        found = "; ".join(f"{queue}: {words}" for queue, (_, words) in late.items())
        fix = "Raise SMI_WORKERS; `smi-sidecar jobs` lists the oldest orders."
        return Finding(name, False, f"{workers} alive, and work is past due: {found}", fix)
    fix, silent = "Start the Procfile's `worker`.", advice("no_worker")
    return Finding(name, workers > 0, f"{workers} alive", fix, silent)


def _clock(services: Services, name: str) -> Finding:
    alive = services.ports.store.heartbeats.is_alive("cron")
    found, fix = "alive" if alive else "no heartbeat", "Start the Procfile's `cron`."
    return Finding(name, alive, found, fix, advice("no_scheduler"))


def _our_door(services: Services, name: str) -> Finding:
    """A signed message to ourselves, as the bridge sends it."""
    settings = services.settings
    if settings.pulls:
        return Finding(name, True, "none: SMI_BIND=none")
    signer = Signer(settings.secret, direction=TO_SIDECAR, site=settings.site)
    body, headers = signer.seal("status", {}, now=services.ports.clock())
    address = f"http://{local_address(settings.bind)}:{settings.port}/messages"
    seen = outside.post(address, body, headers)
    if seen.status == 0:
        url = address.removesuffix("/messages")
        silent = advice("sidecar_silent", url=url)
        return Finding(name, False, f"{address}: {seen.why}", "Start the Procfile's `web`.", silent)
    if seen.status == 401:
        return Finding(name, False, f"{address} refuses our own secret", "Restart `web`: it runs with older settings.")
    return Finding(name, seen.status == 200, f"{address} answered {seen.status}", "Read web's log.")


def _way_to_us(services: Services, name: str) -> Finding:
    """Where the bridge and we agree on who comes to whom, and we come."""
    pulled = bool(services.ports.shop.ask("status", {}).get("pulled"))
    if not services.settings.pulls:
        fix = "On the bridge's settings page: enter the sidecar's address in the place of `none`; or set SMI_BIND=none."
        return Finding(name, not pulled, "we wait to be asked" if pulled else "the shop comes to us", fix)
    if not pulled:
        fix = "On the bridge's settings page: enter `none` as the sidecar's address."
        return Finding(name, False, "we come to the shop, which has another address for us", fix)
    seen = services.ports.store.heartbeats.is_alive("pull")
    found = "we were at the shop within the last minute" if seen else "we have not been at the shop for a minute"
    fix = "Start the Procfile's `cron`, or read its log."
    return Finding(name, seen, found, fix, None if seen else advice("sidecar_not_seen"))


def _held(services: Services, name: str) -> Finding:
    held = services.ports.store.holds.held()
    if not held:
        return Finding(name, True, "nothing is held")
    found = "; ".join(f"{stage}: {why['reason']} ({why['detail']})" for stage, why in held.items())
    manual = [stage for stage, why in held.items() if why["reason"] == "held_by_admin"]
    fix = f"`smi-sidecar resume {manual[0]}`." if manual else "It goes on by itself when the cause is gone."
    return Finding(name, False, found, fix)


# ---------------------------------------------------------------------- the shop
def _shop(services: Services, name: str) -> Finding:
    began = time.monotonic()
    try:
        answer = services.ports.shop.ask("status", {})
    except ConfigurationError as error:
        if error.code != "shop_refused":
            raise
        return _why_refused(services, name)
    milliseconds = (time.monotonic() - began) * 1000
    if answer.get("paused"):
        fix = "On the bridge's settings page: end the pause; a copy of the shop has to stay paused."
        return Finding(name, False, "the bridge answers, and is paused", fix, advice("site_is_a_copy"))
    if not answer.get("connected", True):
        fix = "On the bridge's settings page: enter the sidecar's address. Is it paused, or a copy?"
        return Finding(name, False, "the bridge answers, and forwards nothing", fix, advice("bridge_not_connected"))
    detour = f", at another form of its address: {why}" if (why := services.ports.shop.detour) else ""
    return Finding(name, True, f"bridge {answer.get('version')} answers in {milliseconds:.0f} ms{detour}")


def _why_refused(services: Services, name: str) -> Finding:
    """The bridge says only 401. Its public REST index tells the site's address, its answer's date the clock."""
    settings = services.settings
    host = host_as_sent(settings.shop_url) if settings.shop_address else ""
    seen = outside.get(f"{settings.shop_address or settings.shop_url}/?rest_route=/&_fields=home", host=host)
    skew = _skew(seen.date, services.ports.clock())
    if abs(skew) > MOST_SKEW_S:
        found = f"refused: the shop's clock and ours are {abs(skew):.0f} s apart"
        apart = advice("clocks_apart", seconds=round(abs(skew)))
        return Finding(name, False, found, "Set both clocks by NTP; 300 s are allowed.", apart)
    index = seen.json()
    home = index.get("home") if isinstance(index, dict) else None
    if isinstance(home, str) and site_identity(home) != settings.site:
        found = f"refused: WordPress calls itself {home}, we know it as {settings.shop_url}"
        other = advice("wrong_site", home=home, shop=settings.shop_url)
        return Finding(name, False, found, f"Set SMI_SHOP_URL={home.rstrip('/')}", other)
    fix = "Copy SMI_SECRET from the bridge's settings page."
    return Finding(name, False, "refused: the secrets differ", fix, advice("wrong_secret"))


def _alone(services: Services, name: str) -> Finding:
    ours = services.ports.store.server.name()
    together = services.ports.shop.ask("status", {}).get("sidecars") or []
    if not together:
        return Finding(name, True, f"{ours} alone serves this shop")
    fix = "Stop the one that is there by mistake, or give both the same REDIS_URL. No picture is made twice meanwhile."
    return Finding(name, False, f"we are {ours}, and this shop is served by {' and '.join(together)}", fix)


def _skew(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (ValueError, TypeError):
        return 0.0


def _clocks(services: Services, name: str) -> Finding:
    answer = services.ports.shop.ask("status", {})
    skew = parse_rfc3339(answer["time"]) - services.ports.clock()
    is_right, apart = abs(skew) < MOST_SKEW_S, advice("clocks_apart", seconds=round(abs(skew)))
    return Finding(name, is_right, f"{abs(skew):.0f} s apart", "Set both clocks by NTP.", apart)


def _versions(services: Services, name: str) -> Finding:
    bridge = str(services.ports.shop.ask("status", {}).get("version"))
    found, apart = f"bridge {bridge}, sidecar {VERSION}", advice("versions_apart", bridge=bridge, sidecar=VERSION)
    return Finding(name, work_together(bridge, VERSION), found, "Renew the older one: `upgrade-check`.", apart)


# ---------------------------------------------------------------------- the addresses of others
def _public(services: Services, name: str) -> Finding:
    url = services.settings.public_url
    if not url:
        return Finding(name, True, "none: WordPress stands in for status, webhooks and downloads")
    seen = outside.get(f"{url}/healthz")
    answer = seen.json()
    if seen.status == 200 and isinstance(answer, dict) and answer.get("ok") is True:
        return Finding(name, True, f"{url} leads to us")
    fix = "Include deploy/nginx.conf (with nginx-upstream.conf) or deploy/apache.conf, or correct SMI_PUBLIC_URL."
    wrong = advice("public_address_wrong", url=url)
    return Finding(name, False, f"{url} does not lead to us: {seen.why or seen.status}", fix, wrong)


# ---------------------------------------------------------------------- Upsampler
def _upsampler(services: Services, name: str) -> Finding:
    services.ports.upsampler.check_key()
    return Finding(name, True, f"{services.settings.upsampler_url} accepts the key")


CHECKS = (
    Check("Redis", _redis),
    Check("Redis keeps its data", _persistence, ("Redis",)),
    Check("The store is closed", _closed_store, ("Redis",)),
    Check("Workers", _worker, ("Redis",)),
    Check("Clock", _clock, ("Redis",)),
    Check("Uploads folder", uploads),
    Check("The shop's door", _shop),
    Check("Messages from the shop", _way_to_us, ("The shop's door", "Redis")),
    Check("Clocks", _clocks, ("The shop's door",)),
    Check("One sidecar", _alone, ("The shop's door", "Redis")),
    Check("Versions", _versions, ("The shop's door",)),
    Check("The same uploads folder", same_folder, ("Uploads folder",)),
    Check("Paid files are closed", closed, ("Uploads folder",)),
    Check("CDN", cdn, ("Uploads folder",)),
    Check("Our own door", _our_door, ("Redis",)),
    Check("Our public address", _public),
    Check("Upsampler", _upsampler),
    Check("Holds", _held, ("Redis",)),
)

FIXES = {
    "redis_unavailable": "Start Redis (`smi-sidecar run` has its own), do what is said here, or correct REDIS_URL.",
    "folder_not_writable": "Let the sidecar's user write there: chown, or a common group and SMI_FOLDER_MODE=0775.",
    "disk_full": "Make room in the uploads folder.",
    "shop_unavailable": "Is the shop up, and does SMI_SHOP_URL (or SMI_SHOP_ADDRESS) reach it from this machine?",
    "shop_door_missing": "Activate the SMI Bridge plugin; a security plugin may block /wp-json/smi-bridge/v1/.",
    "shop_walled": "docs/installation.md, “Firewalls and closed sites”, tells how to let the sidecar through.",
    "shop_refused_message": "Bridge and sidecar are of different versions: update both.",
    "upsampler_key_refused": "Set UPSAMPLER_API_KEY to the key of your account.",
    "upsampler_credits_exhausted": "Buy credits; the jobs wait.",
    "upsampler_unavailable": "Upsampler can't be reached from here: network, proxy, UPSAMPLER_URL?",
}


def advised(services: Services, code: str) -> Advice | None:
    """The catalogue's entry for an error that a check ended in."""
    settings = services.settings
    user = pwd.getpwuid(os.geteuid()).pw_name
    return {
        "folder_not_writable": advice("uploads_not_writable", user=user, folder=settings.downloads_dir),
        "shop_unavailable": advice("shop_silent", url=settings.shop_url),
        "shop_door_missing": advice("shop_door_blocked", url=settings.shop_url),
        "shop_walled": advice("shop_walled", url=settings.shop_url),
        "shop_refused_message": advice("shop_refused_message"),
        "upsampler_key_refused": advice("upsampler_key_refused"),
    }.get(code)
