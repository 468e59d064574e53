"""PHP: the settings that command line and php-fpm share, and php-fpm itself."""

import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.testbed.places import reserve_port
from tests.testbed.process import Process, StartFailed
from tests.testbed.system import php_fpm

HERE = Path(__file__).resolve().parent / "php"
# A command has no memory to share: it reads compiled files where the last one left them.
FILES_ONLY = {"opcache.file_cache_only": "1"}
STATUS = "/php-status"  # where php-fpm tells what its children do


def settings(folder: Path, mails: Path) -> dict[str, str]:
    """php.ini settings of the testbed: mail goes into `mails`; errors and temporary files into `folder`.

    Compiled files are kept in `folder` and shared by php-fpm and the command line, which compiles WordPress at each
    call otherwise (0.37 s of CPU, and 0.1 s so). A file is looked at in each request, and kept only once it is two
    seconds old (opcache.file_update_protection): what a test has just rewritten is what runs.
    """
    temporary, compiled = folder / "php-temp", folder / "php-compiled"
    for made in (temporary, compiled):
        made.mkdir(parents=True, exist_ok=True)
    sendmail = f"{shlex.quote(str(HERE / 'sendmail.sh'))} {shlex.quote(str(mails))}"
    return {
        "sendmail_path": sendmail,
        "error_log": str(folder / "php-errors.log"),
        "log_errors": "1",
        "sys_temp_dir": str(temporary),
        "opcache.lockfile_path": str(temporary),
        "opcache.enable_cli": "1",
        "opcache.file_cache": str(compiled),
        "opcache.revalidate_freq": "0",
        "memory_limit": "256M",
        "upload_max_filesize": "64M",
        "post_max_size": "64M",
    }


def as_options(ini: Mapping[str, str]) -> list[str]:
    """The settings as PHP's and php-fpm's command lines take them."""
    return [word for name, value in ini.items() for word in ("-d", f'{name}="{value}"')]


class PhpFpm(Process):
    """php-fpm with a fixed number of children, listening on 127.0.0.1:`port`."""

    def __init__(self, folder: Path, ini: Mapping[str, str], children: int = 4, port: int | None = None) -> None:
        super().__init__("php-fpm", folder)
        self.children = children
        self.ini = dict(ini)
        self.port = port or reserve_port()

    def command(self) -> Sequence[str]:
        if (program := php_fpm()) is None:
            raise StartFailed("there is no php-fpm here: python -m tests.testbed.system shop")
        configuration = self.folder / "php-fpm.conf"
        configuration.write_text(self._configuration())
        flags = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []
        return [program, "--nodaemonize", "--fpm-config", str(configuration), *as_options(self.ini), *flags]

    def _configuration(self) -> str:
        lines = [
            "[global]",
            f"pid = {self.folder / 'php-fpm.pid'}",
            "error_log = /proc/self/fd/2",
            "[www]",
            *(["user = root", "group = root"] if os.geteuid() == 0 else []),
            f"listen = 127.0.0.1:{self.port}",
            "listen.backlog = 511",
            "pm = static",
            f"pm.max_children = {self.children}",
            f"pm.status_path = {STATUS}",
            "catch_workers_output = yes",
            "decorate_workers_output = no",
        ]
        return "\n".join(lines) + "\n"

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
