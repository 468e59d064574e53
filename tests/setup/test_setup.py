"""What setup finds, says, writes and leaves alone."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sidecar.cli import checks_of_files
from sidecar.cli.setup import command, dotenv_file, write
from sidecar.cli.setup.plan import STOP
from sidecar.core.advice import advice
from sidecar.core.settings import Settings
from tests.fakes.files import MemoryFiles
from tests.setup.conftest import ME, NGINX, SITE, UPLOADS, Place
from tests.testbed.places import release_port, reserve_port
from tests.testbed.process import Process

ENV = "/etc/smi-sidecar/.env"
UNIT = "/etc/systemd/system/smi-sidecar@.service"


def _env(place: Place, path: str = ENV) -> dict[str, str]:
    return dotenv_file.values(place.text(path))


def test_a_server_gets_settings_units_and_snippets_with_its_own_paths(server: Place) -> None:
    status, said = server.setup(key="up-123456")
    assert (status, "Will write:" in said) == (0, True)
    env = _env(server)
    settings = Settings.from_env(env)
    assert settings.secret and settings.upsampler_key == "up-123456"
    assert env["SMI_SHOP_URL"] == "https://shop.example" and env["SMI_UPLOADS_DIR"] == UPLOADS
    assert stat.S_IMODE((server.root / "etc/smi-sidecar/.env").stat().st_mode) == 0o600
    unit = server.text(UNIT)
    assert f"User={ME}\n" in unit and f"ExecStart={sys.executable} -m sidecar %i\n" in unit
    assert f"ReadWritePaths=/var/lib/smi-sidecar {UPLOADS}\n" in unit and "WorkingDirectory=/etc/smi-sidecar\n" in unit
    snippet = server.text("/etc/nginx/snippets/smi-sidecar.conf")
    assert f"alias {UPLOADS}/smi-downloads/;" in snippet and "/var/www/html" not in snippet
    assert f"server 127.0.0.1:{server.port};" in server.text("/etc/nginx/conf.d/smi-upstream.conf")
    assert server.text(SITE) == NGINX, "the site's own file is the owner's"
    assert "include /etc/nginx/snippets/smi-sidecar.conf;" in said, "but the command stands there"


def test_the_recording_in_the_docs_is_what_setup_says(server: Place) -> None:
    server.file("/proc/meminfo", "MemTotal:       1998000 kB\n")
    _, said = server.setup()
    said = re.sub(rf"\b{ME}\b", "www-data", said).replace(str(server.port), "8321")
    said = said.replace(str(Path(sys.executable).parent), "/opt/smi-sidecar/bin")
    page = (Path(__file__).parents[2] / "docs" / "installation.md").read_text()
    recorded = re.search(r"```\n(Shop .+?)```", page, re.DOTALL)
    assert recorded is not None
    fingerprint = re.compile(r"connection [0-9a-f]{12}")
    assert fingerprint.sub("", said) == fingerprint.sub("", recorded[1])


def test_no_secret_is_said(server: Place) -> None:
    _, said = server.setup(key="up-123456")
    assert server.connection.secret not in said and "up-123456" not in said
    assert server.connection.fingerprint in said


def test_the_command_that_is_left_to_the_owner_does_what_it_says(server: Place) -> None:
    """Run as printed, but for sudo and the reload; then setup goes on by itself."""
    _, said = server.setup()
    line = next(line for line in said.splitlines() if "sed -i" in line).strip().split(" && ")[0]
    line = line.replace("sudo ", "").replace(SITE, str(server.root / SITE.lstrip("/")))
    site = server.root / SITE.lstrip("/")
    kept = site.rename(site.with_name("kept.conf"))
    site.symlink_to(kept)  # as Debian has it
    assert os.system(line) == 0
    assert site.is_symlink() and server.text(SITE).splitlines() == [
        *NGINX.splitlines()[:2],
        "    include /etc/nginx/snippets/smi-sidecar.conf;",
        "}",
    ]
    assert "SMI_PUBLIC_URL" not in _env(server)
    _, said = server.setup(connect=False, key="")
    env = _env(server)
    assert (env["SMI_PUBLIC_URL"], env["SMI_DOWNLOAD_MODE"]) == ("https://shop.example/smi", "x-accel")
    assert "sed -i" not in said
    assert Settings.from_env(env).public_url


def test_run_again_it_touches_nothing_that_is_right(server: Place) -> None:
    server.setup()
    before = server.files()
    status, said = server.setup(connect=False, key="")
    assert server.files() == before
    assert (status, "All is written already" in said) == (0, True)


def test_run_again_it_repairs_what_is_wrong_and_keeps_what_is_the_owners(server: Place) -> None:
    server.setup(key="up-123456")
    env = server.text(ENV).replace(UPLOADS, "/elsewhere")
    server.file(ENV, "# my note\nSMI_KEEP_DAYS=30\n" + env + "SMI_WORKERS=5\n")
    server.file(UNIT, "[Service]\nUser=nobody\n")
    _, said = server.setup(key="")
    assert "changed  /etc/smi-sidecar/.env" in said and f"changed  {UNIT}" in said
    text = server.text(ENV)
    assert text.startswith("# my note\nSMI_KEEP_DAYS=30\n") and text.endswith("SMI_WORKERS=5\n")
    assert _env(server)["SMI_UPLOADS_DIR"] == UPLOADS and _env(server)["UPSAMPLER_API_KEY"] == "up-123456"
    assert f"User={ME}\n" in server.text(UNIT)


def test_a_dry_run_writes_nothing(server: Place) -> None:
    before = server.files()
    status, said = server.setup("--dry-run")
    assert server.files() == before
    assert status == 0 and "new      /etc/smi-sidecar/.env" in said and "Nothing was written" in said


def test_uninstall_leaves_the_machine_as_it_was(server: Place) -> None:
    before = server.files()
    server.setup()
    assert server.files() != before
    status, said = server.setup("--uninstall", connect=False, key="")
    assert (status, server.files()) == (0, before)
    assert "Finished pictures stay" in said
    assert server.systemctl() == ["disable --now smi-sidecar.target", STOP, "daemon-reload"]
    assert not server.exists("/etc/smi-sidecar") and not server.exists("/var/lib/smi-sidecar")


def test_uninstall_needs_no_connection_when_settings_are_gone(server: Place) -> None:
    before = server.files()
    server.setup()
    (server.root / "etc/smi-sidecar/.env").unlink()
    status, _ = server.setup("--uninstall", connect=False, key="")
    assert (status, server.files()) == (0, before)


def test_uninstall_removes_nothing_where_it_may_not_remove_all(server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    server.setup("--folder", "/home/shop/sidecar")
    before = server.files()
    monkeypatch.setattr(write, "may_remove", lambda machine, path: not str(path).startswith("/etc"))
    server.is_root = False
    status, said = server.setup("--uninstall", "--folder", "/home/shop/sidecar", connect=False, key="")
    assert (status, server.files()) == (1, before)
    assert "sudo systemctl disable --now smi-sidecar.target && sudo rm -r " in said and UNIT in said


def test_uninstall_leaves_what_the_web_server_is_told_to_include(server: Place) -> None:
    server.setup()
    server.file(SITE, NGINX.replace("}", "    include /etc/nginx/snippets/smi-sidecar.conf;\n}"))
    _, said = server.setup("--uninstall", connect=False, key="")
    assert server.exists("/etc/nginx/snippets/smi-sidecar.conf")
    assert "take that line out" in said


def test_another_user_than_root_gets_commands_for_what_root_may_only(server: Place, tmp_path: Path) -> None:
    server.is_root = False
    status, said = server.setup("--folder", "/home/shop/sidecar")
    assert status == 0
    assert _env(server, "/home/shop/sidecar/.env")["SMI_DATA_DIR"] == "/home/shop/sidecar/data"
    assert not server.exists(UNIT) and not server.exists("/etc/nginx/snippets/smi-sidecar.conf")
    ready = "/home/shop/sidecar/for-root"
    assert f"sudo install -D -m 644 {ready}/smi-sidecar.conf /etc/nginx/snippets/smi-sidecar.conf" in said
    assert f"sudo install -D -m 644 {ready}/smi-sidecar@.service {UNIT}" in said
    assert "ProtectHome=read-only" in server.text(f"{ready}/smi-sidecar@.service")


def test_without_systemd_the_command_that_runs_it_is_said(place: Place) -> None:
    _, said = place.setup("--folder", "/opt/x")
    assert "starting the sidecar is left to you" in said and "cd /opt/x && " in said and "smi-sidecar run" in said


def test_the_sandbox_comes_and_goes_with_its_key(server: Place) -> None:
    server.setup()
    env = _env(server)
    assert (env["UPSAMPLER_URL"], env["SMI_PRIVATE_HOSTS"]) == ("http://127.0.0.1:9000/api/v1", "127.0.0.1:9000")
    assert "smi-sidecar@sandbox.service" in server.text("/etc/systemd/system/smi-sidecar.target")
    server.setup(connect=False, key="up-123456")
    env = _env(server)
    assert env["UPSAMPLER_API_KEY"] == "up-123456"
    assert "UPSAMPLER_URL" not in env and "SMI_PRIVATE_HOSTS" not in env
    assert "sandbox" not in server.text("/etc/systemd/system/smi-sidecar.target")


def test_a_small_machine_gets_few_processes_unless_somebody_says_otherwise(server: Place) -> None:
    server.file("/proc/meminfo", "MemTotal:       1000000 kB\n")
    for flags, processes in (([], "1"), (["--no-small"], "3"), ([], "3"), (["--small"], "1")):
        server.setup(*flags)
        assert (_env(server)["SMI_WORKERS"], _env(server)["SMI_WEB_PROCESSES"]) == (processes, processes), flags


def test_a_containers_limit_counts_as_its_memory(server: Place) -> None:
    server.file("/sys/fs/cgroup/memory.max", f"{512 << 20}\n")
    _, said = server.setup()
    assert "512 MB of memory: one worker and one web process." in said
    server.file("/sys/fs/cgroup/memory.max", "max\n")
    _, said = server.setup("--dry-run")
    assert "7812 MB of memory" in said


def test_on_one_machine_all_processes_are_one_unit(server: Place) -> None:
    """They share memory, which units of their own would not."""
    server.setup(key="up-123456")
    target = server.text("/etc/systemd/system/smi-sidecar.target")
    assert [line for line in target.splitlines() if line.startswith("Wants=")] == ["Wants=smi-sidecar@run.service"]


def test_a_shop_in_a_folder_with_an_uploads_address_of_its_own(server: Place) -> None:
    from dataclasses import replace

    connection = replace(server.connection, shop="https://shop.example/en", uploads_url="https://shop.example/files")
    server.file(SITE, NGINX.replace("}", "    include /etc/nginx/snippets/smi-sidecar.conf;\n}"))
    server.setup("--connect", connection.text(), connect=False)
    assert "location ^~ /files/smi-downloads/ {" in server.text("/etc/nginx/snippets/smi-sidecar.conf")
    assert _env(server)["SMI_PUBLIC_URL"] == "https://shop.example/smi"


def test_apache_gets_its_own(server: Place) -> None:
    (server.root / "usr/sbin/nginx").unlink()
    server.file("/usr/sbin/apache2")
    server.file(
        "/etc/apache2/sites-enabled/shop.conf", "<VirtualHost *:80>\n  ServerName shop.example\n</VirtualHost>\n"
    )
    _, said = server.setup()
    assert f'XSendFilePath "{UPLOADS}/smi-downloads"' in server.text("/etc/apache2/smi-sidecar.conf")
    assert "Include /etc/apache2/smi-sidecar.conf' /etc/apache2/sites-enabled/shop.conf" in said


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ("  ServerName other.example\n  ServerAlias www.example Shop.Example\n", 3),
        ("  ServerName blog-shop.example\n  ServerName shop.example\n", 3),
    ],
)
def test_the_sidecars_lines_go_behind_the_one_that_names_the_shop(server: Place, names: str, line: int) -> None:
    """By whatever name, and not into the block of one whose name is like it."""
    (server.root / "usr/sbin/nginx").unlink()
    server.file("/usr/sbin/apache2")
    server.file("/etc/apache2/sites-enabled/shop.conf", f"<VirtualHost *:80>\n{names}</VirtualHost>\n")
    _, said = server.setup()
    assert f"'{line}a\\    Include /etc/apache2/smi-sidecar.conf' /etc/apache2/sites-enabled/shop.conf" in said


def test_where_no_file_names_the_shop_the_line_is_told_and_the_command_runs(server: Place) -> None:
    server.file(SITE, NGINX.replace("shop.example", "other.example"))
    _, said = server.setup()
    told = "# write “include /etc/nginx/snippets/smi-sidecar.conf;” into the block of shop.example, then:"
    assert f"  {told}\n  sudo nginx -t && sudo systemctl reload nginx\n" in said


def test_each_block_of_the_shop_gets_the_lines(server: Place) -> None:
    """As where one only leads to the other, by TLS."""
    server.file(SITE, f"{NGINX}{NGINX}")
    _, said = server.setup()
    line = "a\\    include /etc/nginx/snippets/smi-sidecar.conf;'"
    assert f"sed -i --follow-symlinks -e '2{line} -e '5{line} {SITE}" in said


def test_a_name_over_several_lines_of_nginx(server: Place) -> None:
    server.file(SITE, "server {\n    server_name www.shop.example\n        shop.example;\n}\n")
    _, said = server.setup()
    assert f"'3a\\    include /etc/nginx/snippets/smi-sidecar.conf;' {SITE}" in said


def test_red_hats_apache_has_its_own_folder_and_service(server: Place) -> None:
    (server.root / "usr/sbin/nginx").unlink()
    server.file("/usr/sbin/httpd")
    server.file("/etc/httpd/conf.d/shop.conf", "<VirtualHost *:80>\n  ServerName shop.example\n</VirtualHost>\n")
    _, said = server.setup()
    assert server.exists("/etc/httpd/smi-sidecar.conf") and not server.exists("/etc/apache2")
    assert "Include /etc/httpd/smi-sidecar.conf'" in said and "systemctl reload httpd" in said
    assert "a2enmod" not in said and "apache2" not in said


def test_a_change_reaches_the_web_server(server: Place) -> None:
    server.setup()
    server.file(SITE, NGINX.replace("}", "    include /etc/nginx/snippets/smi-sidecar.conf;\n}"))
    _, said = server.setup(connect=False, key="")
    assert "reload" not in said, "nothing that it reads has changed"
    _, said = server.setup("--port", str(server.port + 1), connect=False, key="")
    assert "sudo nginx -t && sudo systemctl reload nginx" in said
    assert f"127.0.0.1:{server.port + 1}" in server.text("/etc/nginx/conf.d/smi-upstream.conf")


def test_what_has_to_be_given_again_is_said(place: Place) -> None:
    _, said = place.setup("--folder", "/opt/x", "--no-system")
    assert "smi-sidecar setup --folder /opt/x --no-system\n" in said


def test_a_sandbox_whose_port_is_in_use_gets_another(server: Place, tmp_path: Path) -> None:
    port = reserve_port()
    with Busy(tmp_path, port):
        server.setup("--sandbox-port", str(port))
    release_port(port)
    chosen = int(_env(server)["UPSAMPLER_URL"].rpartition(":")[2].partition("/")[0])
    assert chosen > port


# ---------------------------------------------------------------------- what is in the way: one sentence, one command
def test_a_sidecar_that_systemd_can_not_start_is_no_success(server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "START_S", 0.1)
    status, said = server.setup(starts=True)
    assert status == 1 and advice("does_not_start").command in said and "enable --now" in server.systemctl()[-1]


class Busy(Process):
    """Another program at a port."""

    def __init__(self, folder: Path, port: int, host: str = "127.0.0.1") -> None:
        super().__init__("busy", folder)
        self._port, self._host = port, host

    def command(self) -> list[str]:
        return [sys.executable, "-m", "http.server", str(self._port), "--bind", self._host]

    def is_ready(self) -> bool:
        from sidecar.cli.setup.machine import Machine

        return Machine.listens(self._port, self._host)


def test_a_port_in_use(place: Place, tmp_path: Path) -> None:
    with Busy(tmp_path, place.port):
        status, said = place.setup("--folder", "/opt/x")
    assert status == 1
    assert f"{advice('port_taken', port=place.port, free=0).sentence}\n    smi-sidecar setup --port " in said
    assert not place.exists("/opt/x")


def test_a_folder_that_is_not_here(place: Place) -> None:
    status, said = place.setup("--uploads", "/mnt/nowhere")
    assert status == 1
    assert "This machine has no folder /mnt/nowhere, where WordPress keeps its uploads.\n    smi-sidecar setup" in said


def test_a_shop_on_another_machine(server: Place) -> None:
    """Nothing of the shop is looked for here: no folder, no web server."""
    (server.root / UPLOADS.lstrip("/")).rmdir()
    status, said = server.setup()
    assert status == 1 and "setup --anywhere" in said
    status, said = server.setup("--anywhere", key="up-123456")
    assert (status, "files go through its door" in said) == (0, True), said
    assert "nginx" not in said.partition("Found:")[2], said
    env = _env(server)
    settings = Settings.from_env(env)
    assert settings.at_the_shop and "SMI_UPLOADS_DIR" not in env and "SMI_PUBLIC_URL" not in env
    assert "ReadWritePaths=/var/lib/smi-sidecar\n" in server.text(UNIT)
    assert not server.exists("/etc/nginx/snippets/smi-sidecar.conf")
    assert settings.pulls and "comes to the shop for its messages" in said
    before = server.files()
    status, said = server.setup(connect=False, key="")
    assert (status, server.files()) == (0, before), "what was said once holds"
    server.setup("--address", "https://sidecar.example", connect=False, key="")
    assert "SMI_BIND" not in _env(server), "who has an address is reached"


def test_that_the_shop_sends_its_customers_to_a_cdn_stays(server: Place) -> None:
    server.setup("--anywhere", key="up-123456")
    server.file(ENV, server.text(ENV) + "SMI_DOWNLOAD_MODE=redirect\n")
    status, _ = server.setup(connect=False, key="")
    assert (status, _env(server)["SMI_DOWNLOAD_MODE"]) == (0, "redirect")
    assert not Settings.from_env(_env(server)).hands_out


def test_the_cdns_key_goes_with_the_door_that_used_it(server: Place) -> None:
    """Where the shop hands the files out, its own wp-config.php has the key, and ours would end the sidecar."""
    server.setup("--anywhere", key="up-123456")
    cdn = "SMI_CDN_URL=https://cdn.example\nSMI_CDN_SIGNING=bunny\nSMI_CDN_KEY=a-key-of-the-pull-zone\n"
    server.file(ENV, server.text(ENV) + "SMI_DOWNLOAD_MODE=redirect\n" + cdn)
    status, _ = server.setup(connect=False, key="")
    assert (status, [name for name in _env(server) if name.startswith("SMI_CDN_")]) == (0, [])
    assert Settings.from_env(_env(server)).download_mode == "redirect"


def test_a_shop_elsewhere_that_has_delivered_nothing_yet_has_nothing_open() -> None:
    """Else the first setup would end as if something were wrong."""
    settings = SimpleNamespace(at_the_shop=True, downloads_dir=None, uploads_base_url="https://shop.example/u")
    services: Any = SimpleNamespace(settings=settings, ports=SimpleNamespace(files=MemoryFiles()))
    assert checks_of_files.closed(services, "Paid files are closed").ok is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_another_user_who_may_not_write(server: Place) -> None:
    status, said = server.setup("--user", "nobody")
    assert status == 1
    assert f"The user nobody may not write into {UPLOADS}/smi-downloads.\n    sudo install -d -o nobody" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_a_program_that_its_user_can_not_read(server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in root's own folder."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    status, said = server.setup("--user", "nobody")
    assert status == 1
    words = advice("program_hidden", user="nobody", folder=tmp_path)
    assert f"{words.sentence}\n    {words.command}" in said


@pytest.mark.parametrize("damage", [lambda text: text[:-3], lambda text: text[1:], lambda text: text[1:] * 9])
def test_a_damaged_connection_string(place: Place, damage: Callable[[str], str]) -> None:
    """Also one whose beginning is lost, and which is too long for a file's name; none of it is printed."""
    given = damage(place.connection.text())
    status, said = place.setup("--connect", given, connect=False)
    assert status == 2 and given[10:60] not in said
    assert "The connection string is damaged or not whole." in said and "smi-sidecar setup --connect" in said


def test_what_only_a_person_knows_has_a_flag(place: Place) -> None:
    status, said = place.setup(connect=False)
    assert (status, "--connect is missing" in said) == (2, True)
    assert "configuration" not in said, "there is none yet"
    status, said = place.setup(key="")
    assert (status, "--key is missing" in said) == (2, True)


def test_settings_that_this_user_can_not_read_are_said_so(tmp_path: Path) -> None:
    import subprocess

    (tmp_path / ".env").write_text("SMI_SECRET=x\n")
    (tmp_path / ".env").chmod(0o000)
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    line = [*prefix, sys.executable, "-m", "sidecar", "status"]
    ended = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert f"can't be read by this user.\n    sudo -u {ME} smi-sidecar status" in ended.stderr
    assert advice("env_unreadable", file="x", user="x", program="x").sentence.endswith("can't be read by this user.")


@pytest.mark.parametrize(
    "value", ["plain", "a b", "it's", 'with "quotes"', "back\\slash", "$HOME", "a#b", "ü=;", "${X}", "tail\\"]
)
def test_every_value_is_read_back_as_it_was(value: str) -> None:
    text = dotenv_file.merged("# first\nA=1\n", {"A": value, "B": value})
    assert dotenv_file.values(text) == {"A": value, "B": value}
    assert dotenv_file.merged(text, {"A": value, "B": value}) == text
    assert dotenv_file.merged(text, {"A": None, "B": None}) == "# first\n"
