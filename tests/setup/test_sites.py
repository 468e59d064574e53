"""Which site is the shop's, in the ways in which people write it, and what the printed command makes of its file."""

from __future__ import annotations

import subprocess

import pytest

from tests.setup.conftest import SITE, Place

INCLUDE = "include /etc/nginx/snippets/smi-sidecar.conf;"
APACHE_SITE = "/etc/apache2/sites-enabled/shop.conf"


def edited(place: Place, file: str, said: str) -> str:
    """The file after the command that setup has printed, but for sudo and what follows it."""
    line = next(line for line in said.splitlines() if "sed -i" in line).strip().split(" && ")[0]
    line = line.replace("sudo ", "").replace(file, str(place.root / file.lstrip("/")))
    subprocess.run(["bash", "-c", line], check=True, timeout=10)
    return place.text(file)


@pytest.fixture
def apache(server: Place) -> Place:
    (server.root / "usr/sbin/nginx").unlink()
    server.file("/usr/sbin/apache2")
    return server


ONE_LINE = "server { listen 80; server_name shop.example; location / { return 200; } }\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            ONE_LINE,
            f"server {{ listen 80; server_name shop.example;\n    {INCLUDE}\n location / {{ return 200; }} }}\n",
            id="a block in one line",
        ),
        pytest.param(
            f"server {{ server_name a.example; }} {ONE_LINE}server {{ server_name shop.example; }}\n",
            f"server {{ server_name a.example; }} server {{ listen 80; server_name shop.example;\n    {INCLUDE}\n"
            f" location / {{ return 200; }} }}\nserver {{ server_name shop.example;\n    {INCLUDE}\n }}\n",
            id="behind another one, and again",
        ),
        pytest.param(
            "server { server_name shop.example; } server { server_name www.a shop.example; }\n",
            f"server {{ server_name shop.example;\n    {INCLUDE}\n }} server {{ server_name www.a shop.example;\n"
            f"    {INCLUDE}\n }}\n",
            id="two blocks in one line",
        ),
        pytest.param(
            "server {\n  server_name shop.example;\n  server_name www.a shop.example;\n}\n",
            f"server {{\n  server_name shop.example;\n    {INCLUDE}\n  server_name www.a shop.example;\n}}\n",
            id="named twice",
        ),
        pytest.param(
            "server {\n  # server_name shop.example;\n  server_name a; # shop.example; {\n}\n"
            "server {\n  server_name 'shop.example'; # ours }\n}\n",
            "server {\n  # server_name shop.example;\n  server_name a; # shop.example; {\n}\n"
            f"server {{\n  server_name 'shop.example'; # ours }}\n    {INCLUDE}\n}}\n",
            id="comments name nobody",
        ),
        pytest.param(
            "server { add_header X 'a;b}'; server_name shop.example; return 200; }\n",
            f"server {{ add_header X 'a;b}}'; server_name shop.example;\n    {INCLUDE}\n return 200; }}\n",
            id="signs in quotes",
        ),
        pytest.param(
            "server {\n  server_name *.example;\n}\nserver {\n  server_name .shop.example;\n}\n",
            f"server {{\n  server_name *.example;\n    {INCLUDE}\n}}\n"
            f"server {{\n  server_name .shop.example;\n    {INCLUDE}\n}}\n",
            id="whole domains",
        ),
    ],
)
def test_the_command_puts_the_line_into_each_of_nginx_blocks_of_the_shop(
    server: Place, before: str, after: str
) -> None:
    server.file(SITE, before)
    _, said = server.setup()
    assert edited(server, SITE, said) == after
    _, said = server.setup(connect=False, key="")
    assert "which has the sidecar's lines" in said


def test_a_site_that_names_the_shop_goes_before_one_for_its_whole_domain(server: Place) -> None:
    server.file(SITE.replace("shop", "all"), "server {\n  server_name *.example;\n}\n")
    _, said = server.setup()
    assert f"nginx serves the shop by {SITE}," in said


@pytest.mark.parametrize("name", ["shop.example:443", "https://shop.example:443", '"shop.example"', "SHOP.example"])
def test_apaches_server_name_may_have_scheme_and_port(apache: Place, name: str) -> None:
    apache.file(APACHE_SITE, f"<VirtualHost *:443>\n  ServerName {name}\n</VirtualHost>\n")
    _, said = apache.setup()
    assert edited(apache, APACHE_SITE, said).splitlines()[2] == "    Include /etc/apache2/smi-sidecar.conf"


def test_a_virtual_host_with_name_and_alias_of_one_shop_gets_the_lines_once(apache: Place) -> None:
    block = "<VirtualHost *:80>\n  ServerName shop.example\n  ServerAlias www.example shop.example\n</VirtualHost>\n"
    other = "<VirtualHost *:80>\n  ServerName other.example\n</VirtualHost>\n"
    apache.file(APACHE_SITE, f"{block}{other}{block}")
    _, said = apache.setup()
    lines = edited(apache, APACHE_SITE, said).splitlines()
    include = "    Include /etc/apache2/smi-sidecar.conf"
    assert [number for number, line in enumerate(lines) if line == include] == [2, 10]
