"""docs/integrations.md names every command, route and ability, and no other."""

import json
import re
from typing import Any

from tests.bridge.conftest import BRIDGE
from tests.testbed.places import REPOSITORY

PAGE = (REPOSITORY / "docs" / "integrations.md").read_text()


def source(name: str) -> str:
    (file,) = BRIDGE.rglob(name)
    return file.read_text()


def catalogue(name: str) -> dict[str, Any]:
    return json.loads((BRIDGE / "schemas" / f"{name}.json").read_text())


# Actions that machines may ask for, and not only a button.
ACTIONS = {name: action for name, action in catalogue("actions")["actions"].items() if "options" in action}


def part(title: str) -> str:
    return PAGE.split(f"\n## {title}", 1)[1].split("\n## ")[0]


def test_every_command_and_option_stands_in_the_docs():
    code = source("class-cli.php")
    told = catalogue("commands")
    usual = [name for name in told["commands"] if name != "action"]
    assert set(re.findall(r"'([a-z]+)' +=> array\( Cli_", code)) == set(usual)
    commands = [*usual, *ACTIONS]
    assert len(commands) == 10
    named = part("WP-CLI")
    assert [command for command in commands if f"`{command}" not in named] == []
    others = dict(re.findall(r"'([a-z_]+)' +=> '([a-z-]+)',", code.split("const NAMES")[1].split(");")[0]))
    options = {argument["name"] for argument in told["arguments"].values() if argument["type"] != "positional"}
    options |= {others.get(name, name) for action in ACTIONS.values() for name in action["options"]}
    filters = {name for about in told["commands"].values() for name in about["takes"]} - set(told["arguments"])
    assert {"view", "search", "from", "to"} <= filters <= set(catalogue("interfaces")["list"])
    options |= filters
    assert len(options) > 10
    assert [option for option in options if f"--{option}" not in named] == []


def test_every_route_and_ability_stands_in_the_docs():
    rest = part("REST")
    assert sorted(ACTIONS) == ["cancel", "refund", "renew", "resend", "retry"]
    assert [action for action in ACTIONS if f"/{action}`" not in rest] == []
    params = catalogue("interfaces")["list"]
    assert len(params) == 7 and [param for param in params if f"`{param}`" not in rest] == []
    abilities = [*catalogue("interfaces")["abilities"]]
    abilities += [action["ability"]["name"] for action in ACTIONS.values() if "ability" in action]
    assert len(abilities) == 6
    assert [ability for ability in abilities if ability not in part("Abilities")] == []


def test_the_catalogue_knows_every_state_and_view():
    assert catalogue("interfaces")["list"]["view"]["enum"] == list(catalogue("history")["views"])
    assert catalogue("interfaces")["job"]["properties"]["state"]["enum"] == list(catalogue("states")["states"])


def test_every_hook_stands_in_the_docs_and_no_other():
    code = "\n".join(path.read_text() for path in sorted(BRIDGE.rglob("*.php")))
    hooks = set(re.findall(r"(?:apply_filters|do_action)\(\s*'(smi_bridge_\w+)'", code))
    hooks |= {"smi_bridge_" + name for name in re.findall(r"function (\w+)\(", source("interface-shop-adapter.php"))}
    assert len(hooks) > 45
    named = set(re.findall(r"`(smi_bridge_\w+)`", (REPOSITORY / "docs" / "hooks.md").read_text()))
    assert named == hooks
