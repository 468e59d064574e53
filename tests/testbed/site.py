"""An installed WordPress site: its files, its configuration, and the snapshot that saves installing it each time."""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.testbed import mariadb, php
from tests.testbed.mariadb import MariaDb
from tests.testbed.php_command import PhpCommand
from tests.testbed.places import CACHE, built_once, release_port
from tests.testbed.system import find_program
from tests.testbed.wordpress import real_version, wordpress_files

ADMIN_USER, ADMIN_PASSWORD, ADMIN_EMAIL = "admin", "correct horse battery", "admin@shop.example"

_CONFIGURATION = """\
<?php
define( 'DB_NAME', '{database}' );
define( 'DB_USER', '{user}' );
define( 'DB_PASSWORD', '{password}' );
define( 'DB_HOST', '127.0.0.1:{port}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
{salts}
{constants}
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {{
	define( 'ABSPATH', __DIR__ . '/' );
}}
require_once ABSPATH . 'wp-settings.php';
"""
_SALTS = ("AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY")
_SALTS += ("AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT")


class PhpError(RuntimeError):
    """PHP code ended with an error; the message holds all that it printed."""


def copy_files(files: Path, root: Path) -> None:
    """A site's own copy of WordPress. Core's folders are hard links where the file system allows (never edit them)."""
    root.mkdir(parents=True)
    for entry in files.iterdir():
        shared = entry.name in ("wp-admin", "wp-includes")
        if shared and os.stat(files).st_dev == os.stat(root).st_dev:
            subprocess.run(["cp", "-al", str(entry), str(root)], check=True, timeout=120)
        else:
            subprocess.run(["cp", "-r", str(entry), str(root)], check=True, timeout=120)
    own = root / "wp-content" / "mu-plugins"
    own.mkdir()
    shutil.copy(php.HERE / "testbed.php", own)
    (root / "wp-content" / "uploads").mkdir()


def write_configuration(root: Path, database_port: int, constants: Mapping[str, object]) -> None:
    """wp-config.php with fresh keys; `constants` (JSON values) come beside ours, or in their place."""
    ours = {
        "WP_DEBUG": True,
        "WP_DEBUG_DISPLAY": False,
        "WP_DEBUG_LOG": str(root / "wp-content" / "debug.log"),
        "AUTOMATIC_UPDATER_DISABLED": True,
    }
    defined = {**ours, **constants}
    root.joinpath("wp-config.php").write_text(
        _CONFIGURATION.format(
            database=mariadb.DATABASE,
            user=mariadb.USER,
            password=mariadb.PASSWORD,
            port=database_port,
            salts="\n".join(f"define( '{name}', '{secrets.token_hex(32)}' );" for name in _SALTS),
            constants="\n".join(f"define( '{name}', {_literal(value)} );" for name, value in defined.items()),
        )
    )


def _literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)


def php_script(root: Path, ini: dict[str, str], script: str, *arguments: str) -> str:
    """Run one of the testbed's PHP scripts in `root`; returns what it printed. Raises PhpError."""
    ended = subprocess.run(
        [find_program("php") or "php", *php.as_options(ini | php.FILES_ONLY), str(php.HERE / script), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return _printed(ended)


def _printed(ended: "subprocess.CompletedProcess[str]") -> str:
    if ended.returncode:
        raise PhpError(f"PHP ended with {ended.returncode}:\n{ended.stderr}\n{ended.stdout}".rstrip())
    return ended.stdout


def run_php(command: PhpCommand, url: str, code: str) -> tuple[str, Any]:
    """Run `code` inside WordPress: what it printed, and what it returned. Raises PhpError."""
    with tempfile.NamedTemporaryFile("r", prefix="smi-php-", suffix=".json") as result:
        printed = _printed(command.run("run.php", url, result.name, code=code.removeprefix("<?php")))
        return printed, json.loads(result.read())


def installed_database(version: str, progress: Callable[[str], None] = lambda line: None) -> Path:
    """A data folder of MariaDB with an installed site of that WordPress: copy it, do not run it."""
    files = wordpress_files(version, progress)
    recipe = "".join([real_version(files), mariadb.version(), _source("install.php"), *mariadb.SETTINGS])
    name = f"{version}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    return built_once(CACHE / "databases" / name, lambda target: _install(files, version, target, progress))


def _source(name: str) -> str:
    return (php.HERE / name).read_text()


def _install(files: Path, version: str, target: Path, progress: Callable[[str], None]) -> None:
    progress(f"WordPress {version}: installing a site")
    with tempfile.TemporaryDirectory(prefix=".install.", dir=CACHE) as scratch:
        database = MariaDb(Path(scratch))
        database.create_data()
        root = Path(scratch) / "root"
        copy_files(files, root)
        with database:
            write_configuration(root, database.port, {})
            ini = php.settings(Path(scratch), mails=Path(scratch))
            administrator = (ADMIN_USER, ADMIN_PASSWORD, ADMIN_EMAIL)
            php_script(root, ini, "install.php", "http://127.0.0.1:80", *administrator)
        release_port(database.port)
        subprocess.run(["cp", "-r", f"{database.data}/.", str(target)], check=True, timeout=120)
