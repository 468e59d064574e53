"""The bridge's floors: folders by duty, one direction of use, no circle, a place for each file."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.bridge.conftest import BRIDGE

# A class uses classes of its own folder and of lower floors, and nothing else.
FLOORS = {
    "Core": 0,
    "Core\\Labels": 0.5,
    "Ledger": 1,
    "Shop": 1,
    "Wire": 1,
    "Files": 2,
    "Mail": 2,
    "Jobs": 3,
    "Messages": 4,
    "Customer": 4,
    "Health": 4,
    "Interfaces": 5,
    "Interfaces\\Cli": 6,
    "Interfaces\\Privacy": 6,
    "Admin": 7,
}
# Folder of templates => floor: it may use that floor and lower ones. What lies beside them is shown to customers.
TEMPLATES = {"admin": 7, "emails": 2}
CROWDED = 330  # lines: a second idea has moved in
PUBLIC_NAMES = {"SmiBridge\\Mail_Message"}  # by which copies of our templates in themes call a class


@cache
def files() -> dict[Path, dict]:
    paths = sorted(path for path in BRIDGE.rglob("*.php"))
    done = subprocess.run(
        ["php", str(Path(__file__).parent / "php_uses.php"), *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {Path(path): found for path, found in json.loads(done.stdout).items()}


@cache
def classes() -> dict[str, set[str]]:
    """Class of ours => classes of ours that it uses."""
    return {
        found["declares"][0]: set(found["uses"]) - set(found["declares"])
        for found in files().values()
        if found["declares"]
    }


def room(name: str) -> str:
    return name.split("\\", 1)[1].rpartition("\\")[0]


def allowed(user: str, used: str) -> bool:
    return room(user) == room(used) or FLOORS[room(user)] > FLOORS[room(used)]


def test_each_file_has_a_room_and_bears_the_name_of_its_class() -> None:
    for path, found in files().items():
        place = path.relative_to(BRIDGE)
        if place.parts[0] not in ("includes", "admin") or place.name == "autoload.php":
            assert not found["declares"], f"{place}: classes live in includes/ or admin/"
            continue
        (name,) = found["declares"]
        folder = [part.capitalize() for part in place.parts[:-1] if part != "includes"]
        assert room(name) == "\\".join(folder) and room(name) in FLOORS, place
        stem = name.rpartition("\\")[2].lower().replace("_", "-")
        assert place.name in (f"class-{stem}.php", f"interface-{stem}.php")


def test_use_goes_down_only() -> None:
    wrong = [f"{user} -> {used}" for user, all in classes().items() for used in all if not allowed(user, used)]
    assert wrong == []


def floor_of_a_place(place: Path) -> float:
    """Of a file that declares no class: templates show what their floor has, and hooks tie all together."""
    if place.parts[0] == "templates":
        return TEMPLATES.get(place.parts[1], FLOORS["Customer"])
    return FLOORS["Admin"] + (place.parts[0] not in ("admin", "includes"))


def test_templates_use_nothing_above_their_floor() -> None:
    places = {path.relative_to(BRIDGE): found["uses"] for path, found in files().items() if not found["declares"]}
    assert len([place for place in places if place.parts[0] == "templates"]) > 10
    wrong = [
        f"{place} -> {used}"
        for place, uses in places.items()
        for used in set(uses) - PUBLIC_NAMES
        if FLOORS[room(used)] > floor_of_a_place(place)
    ]
    assert wrong == []


def test_there_is_no_circle() -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(classes()[name]):
                walk(other, (*path, name))
            done.add(name)

    for name in classes():
        walk(name, ())


def test_every_class_that_is_used_is_there() -> None:
    used = {name for found in files().values() for name in found["uses"]}
    assert used - set(classes()) - PUBLIC_NAMES == set()


def test_every_class_is_used_by_another_file() -> None:
    used = {name for found in files().values() for name in set(found["uses"]) - set(found["declares"])}
    assert set(classes()) - used == set()


@pytest.mark.parametrize(
    ("user", "used"),
    [
        ("SmiBridge\\Core\\Log", "SmiBridge\\Ledger\\Effects"),
        ("SmiBridge\\Ledger\\Effects", "SmiBridge\\Shop\\Shop"),
        ("SmiBridge\\Jobs\\Stop", "SmiBridge\\Admin\\Admin"),
    ],
)
def test_an_arrow_that_goes_up_or_sideways_is_refused(user: str, used: str) -> None:
    assert not allowed(user, used)


def test_a_file_is_one_idea_and_says_which() -> None:
    for path in files():
        text = path.read_text()
        assert re.match(r"<\?php\n/\*\*\n \* \S", text), f"{path} does not say what it is"
        assert len(text.splitlines()) <= CROWDED, f"{path}: which second idea has moved in?"


def test_one_class_reads_the_address_and_ends_an_answer() -> None:
    own_answer = re.compile(r"REQUEST_METHOD|REQUEST_URI|http_response_code|ob_get_level|_finish_request|readfile")
    found = {path.name for path in (BRIDGE / "includes").rglob("*.php") if own_answer.search(path.read_text())}
    assert found == {"class-request.php"}


def test_a_comment_names_only_what_exists() -> None:
    members = {}
    for path in files():
        source = path.read_text()
        if declared := re.search(r"^(?:final )?(?:class|interface) (\w+)", source, re.M):
            members[declared[1]] = set(re.findall(r"(?:function|const) (\w+)|static \$(\w+)", source))
    members = {name: {word for pair in found for word in pair} for name, found in members.items()}
    lost = []
    for path in files():
        for comment in re.findall(r"/\*.*?\*/|//[^\n]*", path.read_text(), re.S):
            named = re.findall(r"\b[A-Z][a-z]+(?:_[A-Z][a-z]+)+\b", comment)
            lost += [f"{path.name}: {name}" for name in named if name not in members]
            named = re.findall(r"\b([A-Z][A-Za-z_]+)::(\w+)", comment)
            lost += [f"{path.name}: {name}::{word}" for name, word in named if word not in members.get(name, ())]
    assert lost == []
