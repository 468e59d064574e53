"""Where the testbed keeps what outlives a run, the locks around it, and ports that nobody else gets."""

import fcntl
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SMI_TESTBED_CACHE") or REPOSITORY / "build" / "testbed")

# Below Linux' range for outgoing connections (32768-60999): no connection of anybody can take such a port by chance.
_PORTS = range(15000, 32000)
_held_ports: dict[int, int] = {}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file lock `path` (made if absent); waits for another process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def built_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Return the folder `target`, made by `build(empty folder)` when it is not there yet.

    Safe when several processes ask at once, and after a build that was cut off: `target` appears whole or not at all.
    """
    if target.is_dir():
        return target
    with locked(target.with_name(target.name + ".lock")):
        if not target.is_dir():
            for leftover in target.parent.glob(f".{target.name}.*"):
                shutil.rmtree(leftover)
            draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            draft.chmod(0o755)
            try:
                build(draft)
                draft.rename(target)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return target


def reserve_port() -> int:
    """A TCP port on 127.0.0.1 that stays ours until this process ends, also while its server is down.

    Raises OSError when 1,000 tries find none.
    """
    folder = CACHE / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(1000):
        port = random.choice(_PORTS)
        if port in _held_ports:
            continue
        handle = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(handle)
            continue
        _held_ports[port] = handle
        return port
    raise OSError("no free port found on 127.0.0.1")


def release_port(port: int) -> None:
    """Give a reserved port back. Safe to call twice."""
    handle = _held_ports.pop(port, None)
    if handle is not None:
        os.close(handle)
