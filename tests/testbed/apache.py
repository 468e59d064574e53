"""Apache before php-fpm, as a WordPress host sets it up: `.htaccess` counts, a snippet stands in the virtual host."""

import socket
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.places import reserve_port
from tests.testbed.process import Process, StartFailed
from tests.testbed.system import find_program

MODULES = Path("/usr/lib/apache2/modules")
_NEEDED = (
    *("mpm_event", "authz_core", "authz_host", "dir", "mime", "alias", "rewrite", "headers", "setenvif", "log_config"),
    *("proxy", "proxy_http", "proxy_fcgi", "xsendfile"),
)
_BUILT_IN = ("log_config",)  # Debian's Apache has it without a module

_CONFIGURATION = """\
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder}
ErrorLog {folder}/apache-error.log
User {user}
Group {group}
{modules}
TypesConfig /etc/mime.types
LogFormat "%h %t \\"%r\\" %>s %b" combined
<Directory />
    Require all denied
</Directory>
<VirtualHost 127.0.0.1:{port}>
    DocumentRoot {root}
    DirectoryIndex index.php index.html
    <Directory {root}>
        Options FollowSymLinks
        AllowOverride All
        Require all granted
    </Directory>
    <FilesMatch "\\.php$">
        SetHandler "proxy:fcgi://127.0.0.1:{php_port}"
    </FilesMatch>
    FallbackResource /index.php
    {log}
    {snippet}
</VirtualHost>
"""


class Apache(Process):
    """Serves `root`. `snippet`: directives for the virtual host, with their own CustomLog if they bring one."""

    def __init__(self, folder: Path, root: Path, php_port: int, snippet: str = "", port: int | None = None) -> None:
        super().__init__("apache", folder)
        self.root, self.php_port, self.snippet = root, php_port, snippet
        self.port = port or reserve_port()
        self.access_log = folder / "apache-access.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        if (program := find_program("apache2")) is None:
            raise StartFailed("there is no Apache here: python -m tests.testbed.system apache")
        modules = [name for name in _NEEDED if (MODULES / f"mod_{name}.so").exists()]
        if missing := set(_NEEDED) - set(modules) - set(_BUILT_IN):
            raise StartFailed(f"Apache lacks {', '.join(sorted(missing))}: python -m tests.testbed.system apache")
        configuration = self.folder / "apache.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=self.folder,
                port=self.port,
                root=self.root,
                php_port=self.php_port,
                # Apache never runs its children as root; what it must read is readable for all here.
                user="www-data",
                group="www-data",
                modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules),
                log="" if "CustomLog" in self.snippet else f"CustomLog {self.access_log} combined",
                snippet=self.snippet,
            )
        )
        return [program, "-f", str(configuration), "-DFOREGROUND"]

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
