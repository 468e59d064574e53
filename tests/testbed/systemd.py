"""A machine with a systemd of its own: it boots in namespaces, over a copy-on-write view of this machine's files.

The network is this machine's, so that the shop is reached. Nothing that is written there is seen here, but in the
folders that are lent to it.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.testbed.places import REPOSITORY
from tests.testbed.process import Process
from tests.testbed.waiting import wait_for

SYSTEMD = "/lib/systemd/systemd"
PROGRAM = "/opt/smi-sidecar"
TARGET = "box.target"  # boots to nothing: of this machine's units none is started
_HIERARCHY = Path("/sys/fs/cgroup/systemd")


@cache
def possible() -> bool:
    """Whether we may make namespaces and control groups here, and systemd is installed."""
    tools = all(shutil.which(tool) for tool in ("unshare", "nsenter", "mount", SYSTEMD))
    if not tools or os.geteuid() != 0 or not os.access(_HIERARCHY, os.W_OK):
        return False
    flags = ["--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork"]
    return not subprocess.run(["unshare", *flags, "mount", "--make-rprivate", "/"], check=False, timeout=20).returncode


class Machine(Process):
    """`lends`: folders of ours, by the place where the machine has them."""

    def __init__(self, folder: Path, lends: Mapping[str, Path]) -> None:
        super().__init__("systemd", folder)
        self._lends = lends
        self._group = _HIERARCHY / f"smi-{os.getpid()}-{folder.name}"

    def command(self) -> Sequence[str]:
        script = self.folder / "boot.sh"
        script.write_text("\n".join(self._lines()))
        flags = ["--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"]
        join = f"echo $$ > {shlex.quote(str(self._group))}/cgroup.procs"
        return ["sh", "-c", f"{join} && exec unshare {' '.join(flags)} sh -e {shlex.quote(str(script))}"]

    def launch(self) -> None:
        self._group.mkdir(exist_ok=True)
        super().launch()

    def _lines(self) -> list[str]:
        box = shlex.quote(str(self.folder / "box"))
        root = f"{box}/root"
        home, venv = Path(sys.base_prefix), Path(sys.prefix).resolve()
        interpreter = Path(os.path.realpath(sys.executable)).relative_to(home.resolve())
        packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        lends = {"/opt/python": home, "/opt/venv": venv, "/opt/repository": REPOSITORY, **self._lends}
        lines = [
            "mount --make-rprivate /",
            f"mkdir -p {box} && mount -t tmpfs tmpfs {box} && mkdir {box}/up {box}/work {root}",
            f"mount -t overlay overlay -o lowerdir=/,upperdir={box}/up,workdir={box}/work {root}",
            f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && mount --rbind /sys {root}/sys",
            *(f"mount -t tmpfs tmpfs {root}{place}" for place in ("/run", "/tmp", "/opt", "/sys/fs/cgroup")),
            f"mkdir {root}/sys/fs/cgroup/systemd",
            f"mount -t cgroup -o none,name=systemd systemd {root}/sys/fs/cgroup/systemd",
        ]
        for place, folder in lends.items():
            lines.append(f"mkdir -p {root}{place} && mount --bind {shlex.quote(str(folder))} {root}{place}")
        lines += [
            f"mkdir -p {root}{PROGRAM}/bin {root}{PROGRAM}/{packages}",
            f"ln -s /opt/python/{interpreter} {root}{PROGRAM}/bin/python",
            f"printf 'home = /opt/python/bin\\n' > {root}{PROGRAM}/pyvenv.cfg",
            f"printf '/opt/venv/{packages}\\n/opt/repository\\n' > {root}{PROGRAM}/{packages}/program.pth",
            # Where the interpreter looks for its library may be a home folder, which units do not see.
            f"echo /opt/python/lib > {root}/etc/ld.so.conf.d/000-python.conf && chroot {root} /sbin/ldconfig",
            f"printf '[Unit]\\nDefaultDependencies=no\\n' > {root}/etc/systemd/system/{TARGET}",
            f"exec chroot {root} /usr/bin/env -i container=lxc PATH=$PATH {SYSTEMD} --system --unit={TARGET}",
        ]
        return lines

    def is_ready(self) -> bool:
        return self.running and "running" in self.run("systemctl", "is-system-running", check=False)

    def run(self, *line: str, check: bool = True) -> str:
        """What a command says, in that machine."""
        enter = ["nsenter", "--target", str(self._leader()), "-p", "-m", "-u", "-i", "-C", "-r", "-w"]
        env = {"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8"}
        ended = subprocess.run([*enter, *line], env=env, capture_output=True, text=True, timeout=120, check=False)
        if check and ended.returncode:
            raise RuntimeError(f"{' '.join(line)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return ended.stdout + ended.stderr

    def _leader(self) -> int:
        """The process that is number 1 there: the child of `unshare`."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def kill(self) -> None:
        super().kill()
        wait_for(self._is_gone, "the last process of that machine has ended", 20)

    def _is_gone(self) -> bool:
        """Its control groups can be removed when nothing is in them any more."""
        for group in [*sorted(self._group.rglob("*/"), reverse=True), self._group]:
            with suppress(OSError):
                group.rmdir()
        return not self._group.exists()
