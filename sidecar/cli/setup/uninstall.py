"""Setup: takes back what setup has written, and nothing that runs."""

from __future__ import annotations

from redis.exceptions import RedisError

from ...adapters.connections import connect, socket_path
from ...core.errors import ConfigurationError
from ...services import Services
from . import dotenv_file, questions, write
from .find import Facts
from .machine import Machine
from .plan import STOP, TARGET, UNITS, Plan, data_folder, program


def uninstall(machine: Machine, facts: Facts, planned: Plan, given, may_ask: bool) -> int:
    """Exit status 1: nothing was removed, and why was said."""
    paths = write.leftovers(machine, facts, planned)
    print("\nWill remove:" if paths else "\nThere is nothing of setup's to remove.")
    for path in paths:
        print(f"  {path}")
    if facts.site.is_included:
        print(f"\n{facts.site.file} includes the sidecar's lines: take that line out, reload, and repeat this.")
    if given.dry_run or not paths or (may_ask and not questions.agreed("\nRemove this?")):
        return 0
    is_unit = machine.exists(f"{UNITS}/{TARGET}")
    if roots := [path for path in paths if not write.may_remove(machine, path)]:
        stop = f"sudo systemctl disable --now {TARGET} && " if is_unit else ""
        print("\nNothing was removed: some of it is root's. As root:")
        print(f"  {stop}sudo rm -r {' '.join(map(str, roots))}\n  {program()} setup --uninstall{facts.again}")
        return 1
    if facts.is_root and is_unit:
        machine.systemctl(f"disable --now {TARGET}", STOP)
    if runs(machine, facts):
        print("\nNothing was removed: the sidecar runs. End its process first, and repeat this.")
        return 1
    write.remove(machine, paths)
    if facts.is_root and is_unit:
        machine.systemctl("daemon-reload")
    print("\nRemoved. Finished pictures stay; deactivate SMI Bridge, and the shop's own handler works again.")
    return 0


def runs(machine: Machine, facts: Facts) -> bool:
    """By its port, its store, or, on a Redis of its own, by the last quarter of a minute."""
    if not facts.unreached and machine.is_the_sidecar(f"http://{facts.place}"):
        return True
    data = machine.at(data_folder(facts))
    try:
        if not facts.redis:
            return socket_path(data).exists() and bool(connect("", data, decode=True).ping())
        services = Services.from_env(dotenv_file.values(machine.read(facts.folder / ".env")))
        return services.ports.store.heartbeats.is_alive("cron")
    except (RedisError, ConfigurationError):  # nobody is there, or nobody could be with these settings
        return False
