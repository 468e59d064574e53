"""The image and compose files: linted, and their parts (commands, variables, users, probes) run without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from ruamel.yaml import YAML

from sidecar.core.messages import new_secret
from sidecar.core.settings import Settings
from tests.fakes.files_contract import may_mount
from tests.testbed.places import REPOSITORY, release_port, reserve_port
from tests.testbed.process import Process
from tests.testbed.redis_server import RedisServer
from tests.testbed.sidecar import commands
from tests.testbed.waiting import wait_for

DEPLOY = REPOSITORY / "deploy"
COMPOSE: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "valkey"}
ANSWERS = {
    "SMI_SHOP_URL": "http://127.0.0.1:9",
    "SMI_SECRET": new_secret(),
    "UPSAMPLER_API_KEY": "none",
    "UPLOADS": "/somewhere/uploads",
}


def _instructions() -> list[tuple[str, str]]:
    """Of the last stage."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    last = max(at for at, line in enumerate(lines) if line[0] == "FROM")
    return [(name, rest) for name, rest in lines[last:]]


def _of(name: str) -> str:
    return [rest for found, rest in _instructions() if found == name][-1]


def _image_variables() -> dict[str, str]:
    return dict(pair.split("=", 1) for found, rest in _instructions() if found == "ENV" for pair in shlex.split(rest))


def _variables(service: Mapping[str, Any]) -> dict[str, str]:
    """A container's environment, with compose's own rules for ${…}."""

    def filled(found: re.Match[str]) -> str:
        name, rest = found[1], found[2] or ""
        assert name in ANSWERS or rest.startswith(":-"), f"{name} would be missing"
        return ANSWERS.get(name, rest.removeprefix(":-"))

    texts = {
        name: re.sub(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}", filled, str(v)) for name, v in service["environment"].items()
    }
    return {name: value for name, value in {**_image_variables(), **texts}.items() if name != "PATH"}


# As compose.yaml has it: a root that nobody writes, /tmp in memory, and the volumes.
_CONFINED = """
mount -t tmpfs none /mnt && mkdir /mnt/uploads /mnt/data
mount --bind "$1/uploads" /mnt/uploads && mount --bind "$1/data" /mnt/data
mount -t tmpfs none /tmp && mount -o remount,bind,ro /
cd /mnt/data && shift && exec "$@"
"""


@cache
def _users_of_the_image() -> list[str]:
    """Options of setpriv: the image's user where the interpreter is his to run, else ours; neither may anything."""
    bare = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    user, group = re.sub(r"\$\{UID\}:\$\{GID\}", "33:33", _of("USER")).split(":")
    as_user = [*bare, f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    look = f"import sys; sys.exit(sys.version != {sys.version!r})"  # or another one of that name would do
    tried = subprocess.run([*as_user, sys.executable, "-c", look], capture_output=True, timeout=60)
    return as_user if tried.returncode == 0 else bare


class Container(Process):
    """The command of a service as its image starts it, but for Docker: without rights, on a root that can't be written
    (where namespaces of mounts may be had)."""

    def __init__(self, name: str, folder: Path, env: Mapping[str, str]) -> None:
        super().__init__(name, folder)
        self._env = env
        self._folder = folder
        self._command = COMPOSE["services"][name]["command"]

    def command(self) -> list[str]:
        assert json.loads(_of("ENTRYPOINT")) == ["smi-sidecar"]
        line = [sys.executable, "-m", "sidecar", *self._command]  # which the entry point of the wheel is
        if not may_mount():
            return line
        confined = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _CONFINED, "confined"]
        return [*confined, str(self._folder), *_users_of_the_image(), *line]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **self._env}

    def is_ready(self) -> bool:
        return self.running


def test_the_linter_of_images_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ended = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_compose_file_has_the_form_of_one() -> None:
    line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    ended = subprocess.run([*line, DEPLOY / "compose.yaml"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_process_but_the_store_is_a_service() -> None:
    assert set(OURS) == set(commands()) - {"store"}
    assert {tuple(service["command"]) for service in OURS.values()} == {(name,) for name in OURS}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_may_little_and_is_watched(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert "healthcheck" in service or name == "web", "web has the image's own"
    user = service.get("user") or re.sub(r"\$\{UID\}:\$\{GID\}", "33:33", _of("USER"))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@pytest.mark.parametrize("name", OURS)
def test_a_container_writes_only_where_it_has_a_volume(name: str) -> None:
    settings = Settings.from_env(_variables(OURS[name]))
    volumes = [volume.rpartition(":")[2] for volume in OURS[name]["volumes"]]
    assert str(settings.uploads_dir) in volumes and str(settings.data_dir) in volumes
    assert (settings.bind, settings.port) == ("0.0.0.0", int(_of("EXPOSE")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("uploads", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    return tmp_path


@pytest.fixture
def port() -> Iterator[int]:
    port = reserve_port()
    yield port
    release_port(port)


def _probe(line: list[str], port: int) -> int:
    """Exit status of a health check, asked of this machine."""
    line = [re.sub(r"//[\w.]+:8321", f"//127.0.0.1:{port}", word) for word in line]
    line[0] = sys.executable if line[0] == "python" else line[0]
    return subprocess.run(line, capture_output=True, timeout=30).returncode


def test_the_services_run_together_and_their_probes_tell_it(redis_server: RedisServer, folder: Path, port: int) -> None:
    redis_server.flush()
    here = {"REDIS_URL": redis_server.url, "PORT": str(port), "SMI_BIND": "127.0.0.1"}
    volumes = Path("/mnt") if may_mount() else folder
    here |= {"SMI_UPLOADS_DIR": str(volumes / "uploads"), "SMI_DATA_DIR": str(volumes / "data")}
    of_image = json.loads(_of("HEALTHCHECK").partition("CMD ")[2])
    of_worker = OURS["worker"]["healthcheck"]["test"][1:]
    assert _probe(of_image, port) != 0, "nothing runs yet"
    with ExitStack() as stack:
        for name, service in OURS.items():
            stack.enter_context(Container(name, folder, {**_variables(service), **here}))
        wait_for(lambda: _probe(of_image, port) == 0, "the web process' probe is content", timeout=60)
        assert _probe(of_worker, port) == 0
        assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).json() == {"ok": True}
    assert _probe(of_image, port) != 0


def test_the_command_of_the_store_is_one_that_it_understands(tmp_path: Path, port: int) -> None:
    """Valkey's, by the server that is here."""
    service = COMPOSE["services"]["valkey"]
    assert service["command"][0] == "valkey-server"
    server = shutil.which("valkey-server") or shutil.which("redis-server")
    assert server
    line = [server, *service["command"][1:], "--port", str(port), "--dir", str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as running:  # ends: it is told to
        try:
            with redis.Redis(port=port, socket_timeout=5) as client:
                wait_for(lambda: _answers(client), "the store answers", 20)
                assert client.config_get("appendonly", "maxmemory-policy") == {
                    "appendonly": "yes",
                    "maxmemory-policy": "noeviction",
                }
        finally:
            running.kill()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
