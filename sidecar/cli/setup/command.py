"""Setup: the conversation of `setup`, step by step."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from ...core.advice import Advice, advice, in_two_lines
from ...core.connection_string import Connection
from ...core.env import local_address
from ...core.errors import ConfigurationError, SidecarError
from ...core.settings import NO_DOOR, SANDBOX_KEY
from ...services import Services
from .. import doctor
from . import dotenv_file, questions, write
from .find import Facts, Wishes, default_folder, find
from .machine import LAST_PORT, Machine
from .plan import SANDBOX, STOP, TARGET, UNITS, Plan, State, commands, plan, reload
from .uninstall import runs, uninstall

NOBODYS = Connection("", "", "")
START_S = 30  # how long the sidecar may take until it answers
# What has to be said again: of the flags that .env keeps, none; where nothing was written, all but secrets.
NOT_KEPT = ("folder", "address", "web_server", "no_system")
PLAIN = (*NOT_KEPT, "uploads", "anywhere", "user", "port", "small", "sandbox_port")
SECRET = ("connect", "key", "redis")


def add(commands) -> None:
    help = "connect this machine to the shop: find out, ask, show, write, test; safe to repeat"
    parser = commands.add_parser("setup", help=help, description=help)
    flag = parser.add_argument
    flag("--connect", default="", metavar="STRING", help="the settings page's connection string, a file with it, or -")
    flag("--key", default="", help=f"Upsampler's API key, or `{SANDBOX}` to try it without an account")
    flag("--folder", default="", help="where .env is kept (/etc/smi-sidecar, or ~/smi-sidecar)")
    flag("--uploads", default="", help="WordPress' uploads folder, as this machine sees it")
    flag("--anywhere", action="store_true", help="the shop is on another machine: files go through its door")
    flag("--user", default="", help="whom the sidecar runs as (the one who PHP runs as)")
    flag("--port", type=_port, default=0, help="port of the web process (8321)")
    flag("--address", default="", help="where the shop reaches the sidecar (http://127.0.0.1:<port>, or SMI_BIND)")
    flag(
        "--web-server",
        default="",
        choices=("nginx", "apache", "none"),
        help="if the one that is found is the wrong one",
    )
    flag("--redis", default="", metavar="URL", help="a Redis server in place of the embedded Valkey")
    flag("--small", action=argparse.BooleanOptionalAction, help="one worker, one web process (below 2 GB of memory)")
    flag("--sandbox-port", type=_port, default=0, help="port of the sandbox (9000)")
    flag("--no-system", action="store_true", help="no units and no web server's files: for containers, and for trying")
    flag("--no-start", action="store_true", help="write only: start nothing, test nothing")
    flag("--yes", action="store_true", help="ask nothing")
    flag("--dry-run", action="store_true", help="say what would be written, and write nothing")
    flag("--uninstall", action="store_true", help="remove what setup has written")
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    """Raises ArgumentTypeError for what is no port."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port (1 to {LAST_PORT})")
    return int(text)


def run(given, machine: Machine | None = None) -> int:
    """1. find; 2. ask; 3. show; 4. write; 5. start; 6. tell the bridge; 7. test. Exit status 1: something is wrong."""
    machine = machine or Machine()
    may_ask = not given.yes and sys.stdin.isatty()
    given.folder = given.folder and os.path.abspath(given.folder)
    again, all_flags = flags(given, NOT_KEPT), flags(given, PLAIN, SECRET)
    given.folder = given.folder or _known_folder(machine)
    file = Path(given.folder or default_folder(machine), ".env")
    text = _settings(machine, file)
    present = dotenv_file.values(text)
    if given.uninstall and not given.connect and "SMI_SECRET" not in present:
        connection = NOBODYS  # what is left can be removed all the same
    else:
        connection = questions.connection(given.connect, present, machine.owner(file), may_ask)
    is_sandbox = present.get("UPSAMPLER_API_KEY") == SANDBOX_KEY
    # The settings page shows the same fingerprint; what `.env` has is not all of the string.
    named = "" if present.get("SMI_SECRET") and not given.connect else f", connection {connection.fingerprint}"
    facts = find(machine, connection, _wishes(machine, given, present, again))
    if connection is not NOBODYS:
        print(f"Shop {connection.shop}{named}\n\nFound:")
        for line in facts.lines:
            print(f"  {'✗' if line.wrong else '·'} {line.text}")
    if given.uninstall:
        return uninstall(machine, facts, plan(connection, facts, SANDBOX, text), given, may_ask)
    if facts.wrong:
        return say(facts.wrong, all_flags)
    key = questions.key(given.key, present, connection, is_sandbox, may_ask)
    planned = plan(connection, facts, key, text)
    steps = write.steps(machine, facts, planned)
    changes = [step for step in steps if step.state != "right"]
    _show(planned, steps)
    if given.dry_run:
        print("\nNothing was written (--dry-run).")
        return 0
    if changes and may_ask and not questions.agreed("\nWrite this?"):
        print("Nothing was written.")
        return 1
    was_there = machine.exists(f"{UNITS}/{TARGET}")
    state = _state(machine, facts, present, is_changed=bool(changes))
    try:
        write.write(machine, facts, planned, steps)
    except OSError as error:
        raise ConfigurationError("not_written", f"{error.filename} can't be written: {error.strerror}.") from error
    starts = not given.no_start and facts.systemd and facts.is_root
    if starts:
        _start(machine, stop=was_there and bool(changes))
    works = False if given.no_start else _test(facts, machine, given.address)
    left = commands(connection, facts, key, state)
    _outstanding([*write.for_root(steps), *_reload(facts, changes), *left], facts)
    return 0 if works or given.no_start or not (starts or _runs(machine, facts)) else 1


def flags(given, plain: Iterable[str], secret: Iterable[str] = ()) -> str:
    """Those that were given, as they are typed, each with a space before it; what is secret is left out."""
    found = ""
    for name in (*secret, *plain):
        value, flag = getattr(given, name), f"--{name.replace('_', '-')}"
        if value is False and name == "small":
            found += " --no-small"
        elif value is True:
            found += f" {flag}"
        elif value:
            found += f" {flag} {'…' if name in secret else shlex.quote(str(value))}"
    return found


def _settings(machine: Machine, file: Path) -> str:
    """The text of `.env`, "" when there is none. Raises ConfigurationError("env_unreadable")."""
    text = machine.read(file)
    if not text and machine.hides(file):
        words = advice("env_unreadable", file=file, user=machine.owner(file) or "root", program="smi-sidecar setup")
        raise ConfigurationError("env_unreadable", in_two_lines(words))
    return text


def _reload(facts: Facts, changes: list[write.Step]) -> list[tuple[str, str]]:
    """A web server that includes our lines already has read them as they were."""
    is_read = any(step.file.path.name in ("smi-sidecar.conf", "smi-upstream.conf") for step in changes)
    why = "the web server is to read the sidecar's lines again"
    return [(why, reload(facts))] if is_read and facts.site.is_included else []


def _known_folder(machine: Machine) -> str:
    """Where an earlier setup has written."""
    folders = ("/etc/smi-sidecar", str(Path.home() / "smi-sidecar"))
    return next((folder for folder in folders if machine.exists(Path(folder, ".env"))), "")


def _wishes(machine: Machine, given, present: dict[str, str], again: str) -> Wishes:
    """A flag wins over what `.env` says, and that over what PHP sees, if it is right: paths may differ."""
    known = present.get("SMI_UPLOADS_DIR", "")
    return Wishes(
        folder=given.folder,
        uploads=given.uploads or (known if known and machine.is_folder(known) else ""),
        user=given.user,
        port=given.port or int(present.get("PORT") or 8321),
        web_server=given.web_server,
        redis=given.redis or present.get("REDIS_URL", ""),
        small=given.small,
        no_system=given.no_system,
        sandbox=(given.key or present.get("UPSAMPLER_API_KEY")) in (SANDBOX, SANDBOX_KEY),
        bind=_bind(present),
        sandbox_port=given.sandbox_port or _port_of(present) or 9000,
        again=again,
        anywhere=_is_anywhere(given, present),
        unreached=_is_unreached(given, present),
    )


def _is_anywhere(given, present: dict[str, str]) -> bool:
    return given.anywhere or (present.get("SMI_STORAGE") == "rest" and not given.uploads)


def _is_unreached(given, present: dict[str, str]) -> bool:
    """Whoever names an address has one. What somebody has set stays."""
    known = present.get("SMI_BIND", "")
    return not given.address and (known == NO_DOOR or (not known and given.anywhere))


def _bind(present: dict[str, str]) -> str:
    """An address, or ""."""
    known = present.get("SMI_BIND", "")
    return "" if known.lower() == NO_DOOR else known


def _port_of(present: dict[str, str]) -> int:
    """Of the sandbox, as `.env` has it."""
    is_sandbox = present.get("UPSAMPLER_API_KEY") == SANDBOX_KEY
    return (urlsplit(present.get("UPSAMPLER_URL", "")).port or 0) if is_sandbox else 0


def _show(planned: Plan, steps: list[write.Step]) -> None:
    print("\nWill write:" if any(step.state != "right" for step in steps) else "\nAll is written already:")
    for step in steps:
        secret = " (readable for its user only)" if step.file.secret else ""
        owner = f", for {step.file.owner}" if step.file.owner else ""
        print(f"  {step.state:<8} {step.place}{owner}{secret}")


def _state(machine: Machine, facts: Facts, present: dict[str, str], *, is_changed: bool) -> State:
    """`present`: the settings as they were, with which a sidecar may run at another place."""
    before = f"{local_address(_bind(present))}:{present.get('PORT', facts.port)}"
    return State(
        is_enabled=machine.exists(f"{UNITS}/multi-user.target.wants/{TARGET}"),
        is_changed=is_changed,
        runs=runs(machine, facts) or machine.is_the_sidecar(f"http://{before}"),
        sandbox_runs=machine.listens(facts.sandbox_port),
    )


def _start(machine: Machine, *, stop: bool) -> None:
    if stop:
        machine.systemctl(STOP)  # before the target is read again: it may name other units then
    machine.systemctl("daemon-reload", f"enable --now {TARGET}")


def _runs(machine: Machine, facts: Facts) -> bool:
    if facts.unreached:
        return _comes(_services(machine, facts))
    return machine.is_the_sidecar(f"http://{facts.place}")


def _comes(services: Services) -> bool:
    """Whether one that nobody reaches was at the shop."""
    try:
        return services.ports.store.heartbeats.is_alive("pull")
    except services.ports.memory_outages:
        return False


def _services(machine: Machine, facts: Facts) -> Services:
    return Services.from_env({**dotenv_file.values(machine.read(facts.folder / ".env")), **os.environ})


def _test(facts: Facts, machine: Machine, address: str) -> bool:
    """Whether all works. Nothing is tested before the sidecar runs."""
    deadline = time.monotonic() + (START_S if facts.systemd and facts.is_root else 0)
    while not _runs(machine, facts):
        if time.monotonic() >= deadline:
            print("\nThe sidecar does not run yet, so nothing could be tested.")
            if facts.systemd and facts.is_root:
                print(in_two_lines(advice("does_not_start")))
            return False
        time.sleep(0.2)
    services = _services(machine, facts)
    print("\nTested:")
    if facts.unreached:
        print("  The sidecar comes to the shop by itself; the bridge need not know where it is.")
    elif address or facts.uploads:
        print(f"  {send_address(services, address or f'http://{facts.place}')}")
    else:
        print("  The bridge was not told where the sidecar is: that takes --address, as the shop reaches it.")
    return doctor.report(services)


def send_address(services: Services, address: str) -> str:
    """The bridge takes the address if it knows none, or this one; what came of it, in words."""
    try:
        answer = services.ports.shop.order("sidecar.address", {"url": address})
    except SidecarError as error:
        return f"The bridge could not be told the sidecar's address: {error}"
    if answer.get("url") != address:
        return f"The bridge keeps the sidecar's address {answer.get('url')}: change it on its settings page."
    return f"The bridge reaches the sidecar at {address}."


def say(wrong: tuple[Advice, ...], given: str) -> int:
    """Exit status. `given`: the flags of this run, of which nothing is kept."""
    print()
    for words in wrong:
        print(in_two_lines(words))
    print("\nNothing was written." + (f" Setup needs these flags again, too:{given}" if given else ""))
    return 1


def _outstanding(commands: list[tuple[str, str]], facts: Facts) -> None:
    if not commands:
        return
    print("\nLeft to you:" if facts.is_root else "\nLeft to you, or to root:")
    for why, line in commands:
        print(f"  # {why}\n  {line}")
