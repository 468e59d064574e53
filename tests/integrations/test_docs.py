"""docs/integrations.md names every command, route and ability, and no other."""

import re

from tests.bridge.conftest import BRIDGE
from tests.testbed.places import REPOSITORY

PAGE = (REPOSITORY / "docs" / "integrations.md").read_text()


def source(name: str) -> str:
    (file,) = BRIDGE.rglob(name)
    return file.read_text()


def method(code: str, name: str) -> str:
    """Body of a method, which ends at the first brace of its own depth."""
    return code.split(f"function {name}()")[1].split("\n\t}\n")[0]


def part(title: str) -> str:
    return PAGE.split(f"\n## {title}", 1)[1].split("\n## ")[0]


def test_every_command_and_option_stands_in_the_docs():
    code = source("class-cli.php")
    commands = re.findall(r"self::add\( '([a-z]+)'", code) + re.findall(r"'([a-z]+)'\s+=> array\(\n\s+'does'", code)
    assert len(commands) == 10
    named = part("WP-CLI")
    assert [command for command in commands if f"`{command}" not in named] == []
    options = set(re.findall(r"self::(?:option|flag)\( '([a-z-]+)'", code))
    assert len(options) > 10
    assert [option for option in options if f"--{option}" not in named] == []


def test_every_route_and_ability_stands_in_the_docs():
    rest = part("REST")
    actions = re.findall(r"^\t\t\t'(\w+)' +=> array\(", method(source("class-rest.php"), "actions"), re.M)
    assert sorted(actions) == ["cancel", "refund", "renew", "resend", "retry"]
    assert [action for action in actions if f"/{action}`" not in rest] == []
    listed = method(source("class-rest.php"), "list_params")
    params = re.findall(r"^\t\t\t'(\w+)' +=> self::\w+\(", listed, re.M)
    assert len(params) == 7 and [param for param in params if f"`{param}`" not in rest] == []
    abilities = re.findall(r"^\t\t\t'([a-z]+-[a-z]+)' +=> array\(", source("class-abilities.php"), re.M)
    assert len(abilities) == 6
    assert [ability for ability in abilities if ability not in part("Abilities")] == []


def test_every_hook_stands_in_the_docs_and_no_other():
    code = "\n".join(path.read_text() for path in sorted(BRIDGE.rglob("*.php")))
    hooks = set(re.findall(r"(?:apply_filters|do_action)\(\s*'(smi_bridge_\w+)'", code))
    hooks |= {"smi_bridge_" + name for name in re.findall(r"function (\w+)\(", source("interface-shop-adapter.php"))}
    assert len(hooks) > 45
    named = set(re.findall(r"`(smi_bridge_\w+)`", (REPOSITORY / "docs" / "hooks.md").read_text()))
    assert named == hooks
