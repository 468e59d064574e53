"""nginx in front of php-fpm, as a WordPress host sets it up."""

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.php import STATUS
from tests.testbed.places import reserve_port
from tests.testbed.process import Process, StartFailed
from tests.testbed.system import find_program

_CONFIGURATION = """\
{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log notice;
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
    types {{
        text/html html htm; text/css css; application/javascript js; application/json json; text/plain txt;
        image/png png; image/jpeg jpg jpeg; image/webp webp; image/gif gif; image/svg+xml svg; font/woff2 woff2;
    }}
    default_type application/octet-stream;
    access_log {folder}/nginx-access.log;
    client_body_temp_path {folder}/temp/body;
    proxy_temp_path {folder}/temp/proxy;
    fastcgi_temp_path {folder}/temp/fastcgi;
    uwsgi_temp_path {folder}/temp/uwsgi;
    scgi_temp_path {folder}/temp/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65;
    client_max_body_size {most_body};
    {upstream}
    server {{
        listen 127.0.0.1:{port} backlog=511;
        server_name _;
        root {root};
        index index.php index.html;
        {snippet}
        location = {php_status} {{
            fastcgi_pass 127.0.0.1:{php_port};
            fastcgi_param SCRIPT_FILENAME {php_status};
            fastcgi_param SCRIPT_NAME {php_status};
            fastcgi_param REQUEST_METHOD GET;
            fastcgi_param QUERY_STRING json;
        }}
        location / {{ try_files $uri $uri/ /index.php?$args; }}
        location ~ \\.php$ {{
            try_files $uri =404;
            fastcgi_pass 127.0.0.1:{php_port};
            fastcgi_read_timeout 300s;
            fastcgi_buffers 16 32k;
            fastcgi_buffer_size 64k;
            # No HTTP_HOST here: the client's own Host header, port included, reaches PHP under that name.
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param DOCUMENT_ROOT $document_root;
            fastcgi_param DOCUMENT_URI $document_uri;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_SCHEME $scheme;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param SERVER_SOFTWARE nginx;
            fastcgi_param SERVER_NAME $host;
            fastcgi_param SERVER_ADDR $server_addr;
            fastcgi_param SERVER_PORT $server_port;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REMOTE_PORT $remote_port;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param REDIRECT_STATUS 200;
        }}
    }}
}}
"""


_BARE = """\
{user}daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
    types {{ image/png png; image/jpeg jpg; text/plain txt; }}
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""


class BareNginx(Process):
    """`inside`: all directives of the http block but the usual ones; they listen on `port`, on 127.0.0.1."""

    def __init__(self, name: str, folder: Path, inside: str, port: int) -> None:
        super().__init__(name, folder)
        self.port, self._inside = port, inside

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        if (program := find_program("nginx")) is None:
            raise StartFailed("there is no nginx here: python -m tests.testbed.system shop")
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{self.name}.conf"
        file.write_text(_BARE.format(user=_user(), folder=self.folder, inside=self._inside))
        return [program, "-p", str(self.folder), "-c", str(file), "-e", "stderr"]

    def is_ready(self) -> bool:
        return _answers(self.port)


class Nginx(Process):
    """Serves `root`. `snippet`, `upstream`: directives for the server and the http block, read at each start."""

    stop_signal = signal.SIGTERM

    def __init__(
        self,
        folder: Path,
        root: Path,
        php_port: int,
        snippet: Path | None = None,
        upstream: Path | None = None,
        port: int | None = None,
        most_body: str = "64m",
    ) -> None:
        super().__init__("nginx", folder)
        self.most_body = most_body
        self.root = root
        self.php_port = php_port
        self.snippet, self.upstream = snippet, upstream
        self.port = port or reserve_port()

    def command(self) -> Sequence[str]:
        if (program := find_program("nginx")) is None:
            raise StartFailed("there is no nginx here: python -m tests.testbed.system shop")
        (self.folder / "temp").mkdir(exist_ok=True)
        configuration = self.folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user=_user(),
                folder=self.folder,
                root=self.root,
                port=self.port,
                php_port=self.php_port,
                php_status=STATUS,
                most_body=self.most_body,
                snippet=f"include {self.snippet};" if self.snippet else "",
                upstream=f"include {self.upstream};" if self.upstream else "",
            )
        )
        return [program, "-p", str(self.folder), "-c", str(configuration), "-e", "stderr"]

    def is_ready(self) -> bool:
        return _answers(self.port)


def _user() -> str:
    return "user root;\n" if os.geteuid() == 0 else ""


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
