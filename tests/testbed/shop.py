"""`Shop`: a whole WordPress site, on 127.0.0.1, with its database, php-fpm, nginx and mailbox."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.testbed import php, site
from tests.testbed.mail import Mail, Mailbox
from tests.testbed.mariadb import MariaDb
from tests.testbed.nginx import Nginx
from tests.testbed.php import PhpFpm
from tests.testbed.php_command import PhpCommand
from tests.testbed.places import release_port
from tests.testbed.process import StartFailed
from tests.testbed.waiting import wait_for
from tests.testbed.wordpress import NEWEST, real_version, wordpress_files

DEMO_SHOP = Path(__file__).resolve().parent / "demo-shop"

_MISSING = object()


class Shop:
    """Make one with `Shop.start`; a context manager that stops it.

    `url` has no trailing slash. `mariadb`, `php_fpm` and `nginx` can be stopped, killed and restarted one by one.
    """

    admin_user, admin_password, admin_email = site.ADMIN_USER, site.ADMIN_PASSWORD, site.ADMIN_EMAIL

    def __init__(
        self,
        folder: Path,
        version: str,
        php_children: int,
        nginx_snippet: Path | None,
        nginx_upstream: Path | None,
        ini: Mapping[str, str],
        most_body: str,
    ) -> None:
        self.folder = folder
        self.version = version
        self.root = folder / "wordpress"
        self.uploads = self.root / "wp-content" / "uploads"
        self.mailbox = Mailbox(folder / "mails")
        self.ini = php.settings(folder, self.mailbox.folder) | dict(ini)
        self.mariadb = MariaDb(folder / "mariadb")
        self.php_fpm = PhpFpm(folder / "php-fpm", self.ini, php_children)
        self.php_command = PhpCommand(folder / "php-command", self.root, self.ini)
        self.nginx = Nginx(
            folder / "nginx", self.root, self.php_fpm.port, nginx_snippet, nginx_upstream, most_body=most_body
        )
        self.url = f"http://127.0.0.1:{self.nginx.port}"
        self.http = requests.Session()
        self._admin: requests.Session | None = None

    @classmethod
    def start(
        cls,
        folder: Path,
        version: str = NEWEST,
        plugins: Sequence[Path] = (),
        php_children: int = 4,
        nginx_snippet: Path | None = None,
        nginx_upstream: Path | None = None,
        constants: Mapping[str, object] | None = None,
        activate: bool = True,
        ini: Mapping[str, str] | None = None,
        most_body: str = "64m",
        progress: Callable[[str], None] = lambda line: None,
    ) -> "Shop":
        """Start a fresh site in `folder` (made if absent, must not hold a site yet).

        version: "6.1", "6.8" or "7.1".
        plugins: folders, linked into wp-content/plugins under the name of their main file, and activated in this
        order (unless `activate` is False).
        nginx_snippet, nginx_upstream: files with directives for nginx' server and http block.
        constants: further constants of wp-config.php.
        ini, most_body: what the host has set in php.ini, and nginx' client_max_body_size.

        Raises StartFailed, and PhpError when a plugin can't be activated; nothing is left running then.
        """
        shop = cls(folder.resolve(), version, php_children, nginx_snippet, nginx_upstream, ini or {}, most_body)
        try:
            shop._start(plugins, constants or {}, activate, progress)
        except BaseException:
            shop.stop()
            raise
        return shop

    def _start(
        self,
        plugins: Sequence[Path],
        constants: Mapping[str, object],
        activate: bool,
        progress: Callable[[str], None],
    ) -> None:
        """1. database from the snapshot  2. files  3. php-fpm, nginx  4. address and plugins  5. first request."""
        began = time.monotonic()
        database = site.installed_database(self.version, progress)
        files = wordpress_files(self.version, progress)
        self.mariadb.folder.mkdir(parents=True)
        subprocess.run(["cp", "-r", str(database), str(self.mariadb.data)], check=True, timeout=120)
        self.mariadb.launch()
        site.copy_files(files, self.root)
        site.write_configuration(self.root, self.mariadb.port, constants)
        linked = [self.link_plugin(plugin) for plugin in plugins]
        self.php_fpm.launch()
        self.nginx.launch()
        for part in (self.mariadb, self.php_fpm, self.nginx):
            part.wait_ready()
        self.sql("UPDATE wp_options SET option_value = %s WHERE option_name IN ('siteurl', 'home')", self.url)
        if activate and linked:
            self.activate(*linked)
        self.http.get(f"{self.url}/wp-json/", timeout=60).raise_for_status()
        progress(f"WordPress {self.wordpress_version} is up after {time.monotonic() - began:.1f} s: {self.url}")

    @property
    def wordpress_version(self) -> str:
        """The exact version, e.g. "7.1.4"."""
        return real_version(self.root)

    @property
    def debug_log(self) -> str:
        """What WordPress and PHP complained about so far (WP_DEBUG is on)."""
        logs = (self.root / "wp-content" / "debug.log", self.folder / "php-errors.log")
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def complaints(self, about: str) -> list[str]:
        """The lines of `debug_log` that name `about`, e.g. a plugin's folder."""
        return [line for line in self.debug_log.splitlines() if about in line]

    # --- inside WordPress -------------------------------------------------------------------------

    def php(self, code: str) -> str:
        """Run `code` on PHP's command line inside WordPress, in a process of its own; returns what it printed. Raises
        PhpError."""
        return site.run_php(self.php_command, self.url, code)[0]

    def php_json(self, code: str) -> Any:
        """The same, for what the code returns: `shop.php_json("return get_option('home');")`."""
        return site.run_php(self.php_command, self.url, code)[1]

    def sql(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of one statement; `%s` stands for the arguments (a bare `%` is `%%` when there are any)."""
        return self.mariadb.sql(query, *arguments)

    def option(self, name: str, value: object = _MISSING) -> Any:
        """Read an option (None when it does not exist), or write it. Values are what JSON can hold."""
        if value is _MISSING:
            return self.php_json(f"return get_option({_php(name)}, null);")
        self.php(f"update_option({_php(name)}, {_php(value)});")
        return value

    def activate(self, *plugins: str) -> None:
        """Activate plugins by their folder's name. Raises PhpError."""
        self.php(
            f"require_once ABSPATH . 'wp-admin/includes/plugin.php'; foreach ({_php(list(plugins))} as $name) {{"
            "  $file = $name . '/' . key(get_plugins('/' . $name));"
            "  $error = activate_plugin($file);"
            "  if (is_wp_error($error)) { throw new Exception($name . ': ' . $error->get_error_message()); }"
            "}"
        )

    def deactivate(self, plugin: str) -> None:
        self.php(
            "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
            f"deactivate_plugins({_php(plugin)} . '/' . key(get_plugins('/' . {_php(plugin)})));"
        )

    def link_plugin(self, plugin: Path) -> str:
        """Link a plugin's folder into the site, without activating it; returns its name there."""
        for file in sorted(plugin.glob("*.php")):
            if re.search(r"^[ \t/*#@]*Plugin Name:", file.read_text(errors="replace")[:8192], re.MULTILINE):
                (self.root / "wp-content" / "plugins" / file.stem).symlink_to(plugin.resolve())
                return file.stem
        raise StartFailed(f"{plugin} holds no WordPress plugin")

    def replace_plugin(self, old: Path, new: Path) -> None:
        """Put another version in a plugin's place, as an update does."""
        for link in (self.root / "wp-content" / "plugins").iterdir():
            if link.is_symlink() and link.resolve() == old.resolve():
                link.unlink()
                link.symlink_to(new.resolve())
        self.php_fpm.restart()  # it keeps what it has compiled
        self.php_command.stop()

    def add_photo(self, photo: Path, title: str = "") -> int:
        """Put a picture into the media library as an upload does; returns the attachment's id."""
        target = Path(
            self.php_json(
                "return wp_upload_dir()['path'] . '/' . wp_unique_filename(wp_upload_dir()['path'], "
                f"{_php(photo.name)});"
            )
        )
        shutil.copyfile(photo, target)
        return self.php_json(
            "require_once ABSPATH . 'wp-admin/includes/image.php';"
            f"$file = {_php(str(target))}; $type = wp_check_filetype($file);"
            "$id = wp_insert_attachment(['post_title' => " + _php(title or photo.stem) + ","
            "  'post_mime_type' => $type['type'], 'post_status' => 'inherit',"
            "  'guid' => wp_upload_dir()['url'] . '/' . basename($file)], $file, 0, true);"
            "if (is_wp_error($id)) { throw new Exception($id->get_error_message()); }"
            "wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $file));"
            "return $id;"
        )

    # --- from outside -----------------------------------------------------------------------------

    def mails(self, to: str | None = None) -> list[Mail]:
        """All mails so far, oldest first."""
        return self.mailbox.mails(to)

    def wait_mail(self, to: str, timeout: float = 10, count: int = 1) -> Mail:
        """The `count`-th mail to that address. Raises TimeoutError."""
        return self.mailbox.wait(to, timeout, count)

    @property
    def admin(self) -> requests.Session:
        """A session logged in as the administrator (logs in at the first use)."""
        if self._admin is None:
            self._admin = self.login(self.admin_user, self.admin_password)
        return self._admin

    def login(self, user: str, password: str) -> requests.Session:
        """A new session, logged in through wp-login.php: close it. Raises StartFailed when it is refused."""
        session = requests.Session()
        session.cookies.set("wordpress_test_cookie", "WP%20Cookie%20check")
        answer = session.post(
            f"{self.url}/wp-login.php",
            data={"log": user, "pwd": password, "wp-submit": "Log In", "testcookie": "1"},
            allow_redirects=False,
            timeout=30,
        )
        if not any(name.startswith("wordpress_logged_in") for name in session.cookies.get_dict()):
            session.close()
            raise StartFailed(f"WordPress refused the login of {user} (HTTP {answer.status_code})")
        return session

    def login_cookies(self) -> dict[str, str]:
        """The administrator's cookies, e.g. for a browser."""
        return {cookie.name: cookie.value or "" for cookie in self.admin.cookies}

    def rest_nonce(self) -> str:
        """For the header X-WP-Nonce of the administrator's REST requests."""
        answer = self.admin.get(f"{self.url}/wp-admin/admin-ajax.php?action=rest-nonce", timeout=30)
        answer.raise_for_status()
        return answer.text

    def wait_still(self, timeout: float = 60) -> None:
        """Until PHP works on nothing: a request goes on after its answer (mails, messages to the sidecar, WP-Cron)."""

        def alone() -> bool:
            answer = requests.get(f"{self.url}{php.STATUS}", timeout=timeout)
            answer.raise_for_status()
            return answer.json()["active processes"] == 1  # which is the one that says so

        wait_for(alone, "PHP works on nothing", timeout, every=0.01)

    def stop(self) -> None:
        """Stop all parts. Safe to call twice; the folder stays."""
        self.http.close()
        if self._admin is not None:
            self._admin.close()
        self.php_command.stop()
        for part in (self.nginx, self.php_fpm, self.mariadb):
            part.stop()
            release_port(part.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _php(value: object) -> str:
    """A Python value as PHP source: by way of JSON, so that any string is safe."""
    return f"json_decode({_single_quoted(json.dumps(value))}, true)"


def _single_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
