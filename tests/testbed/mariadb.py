"""A MariaDB server of our own, with a data folder of its own and a database `wordpress`."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql
import pymysql.cursors

from tests.testbed.places import reserve_port
from tests.testbed.process import Process, StartFailed
from tests.testbed.system import find_program

DATABASE = USER = PASSWORD = "wordpress"

# Small files and buffers: a data folder is copied at each start. Everything else is as on a real server.
SETTINGS = (
    "--innodb-log-file-size=8M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-buffer-pool-size=64M",
    # One less wait for the disk at each commit; what is committed survives a SIGKILL of the server all the same.
    "--innodb-flush-log-at-trx-commit=2",
    "--character-set-server=utf8mb4",
    "--skip-name-resolve",
)
_SETUP = f"""
DROP DATABASE IF EXISTS test;
CREATE DATABASE {DATABASE};
CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON {DATABASE}.* TO '{USER}'@'127.0.0.1';
"""


def version() -> str:
    """E.g. "10.11.19". Raises StartFailed without a MariaDB."""
    shown = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=True, timeout=120).stdout
    found = re.search(r"Ver (\d+\.\d+\.\d+)", shown)
    return found.group(1) if found else shown.strip()


class MariaDb(Process):
    """`data` must hold a data folder that `create_data` made (or a copy of one)."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__("mariadb", folder)
        self.data = folder / "data"
        self.port = port or reserve_port()
        # A socket's path may have 107 bytes only: it can't lie in the caller's folder.
        self._socket = Path(tempfile.gettempdir()) / f"smi-mariadb-{self.port}.sock"

    def create_data(self) -> None:
        """Make an empty data folder with the database and its user. The server must not be running."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [find_program("mariadb-install-db", "mysql_install_db") or "mariadb-install-db", "--no-defaults"]
            + [f"--datadir={self.data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
            + [*SETTINGS, *_as_root()],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if made.returncode:
            raise StartFailed(f"mariadb-install-db failed:\n{made.stdout}{made.stderr}")
        (self.folder / "setup.sql").write_text(_SETUP)

    def command(self) -> Sequence[str]:
        setup = self.folder / "setup.sql"
        (temporary := self.folder / "temp").mkdir(exist_ok=True)
        return [
            *(_program(), "--no-defaults", *SETTINGS, *_as_root()),
            *(f"--datadir={self.data}", f"--socket={self._socket}", f"--pid-file={self.folder / 'pid'}"),
            *("--bind-address=127.0.0.1", f"--port={self.port}", f"--tmpdir={temporary}"),
            *([f"--init-file={setup}"] if setup.exists() else []),
        ]

    def is_ready(self) -> bool:
        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def connect(self) -> "pymysql.Connection[Any]":
        """A new connection, autocommitting; rows come as dicts. Raises pymysql.err.OperationalError."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            database=DATABASE,
            autocommit=True,
            cursorclass=pymysql.cursors.DictCursor,
            connect_timeout=10,
            ssl_disabled=True,  # else each connection reads the system's certificates, which costs 60 ms
        )

    def sql(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of one statement (empty when it returns none); `%s` in it stands for the arguments."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(query, arguments or None)
            return list(cursor.fetchall()) if cursor.description else []

    def kill(self) -> None:
        super().kill()
        self._socket.unlink(missing_ok=True)


def _program() -> str:
    if (program := find_program("mariadbd", "mysqld")) is None:
        raise StartFailed("there is no MariaDB server here: python -m tests.testbed.system shop")
    return program


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []
