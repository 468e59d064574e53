"""The plugin's words and their translations: renews `languages/` from the source.

python -m tests.ui.languages    # the .pot, each .po merged with it, .mo and .json made of it; lists what lacks words
"""

import io
import json
import re
import struct
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from sidecar.core.version import VERSION
from tests.testbed.places import REPOSITORY

PLUGIN = REPOSITORY / "wp-bridge-plugin"
FOLDER = PLUGIN / "languages"
TEMPLATE = FOLDER / "smi-bridge.pot"
# Scripts that translate by themselves (wp-i18n): handle => file.
SCRIPTS = {
    "smi-bridge-admin": "assets/admin.js",
    "smi-bridge-block": "assets/block/editor.js",
    "smi-bridge-dashboard": "assets/dashboard.js",
    "smi-bridge-first-run": "assets/first-run.js",
    "smi-bridge-shop-jobs": "assets/shop-jobs.js",
}
# JSON files whose words are shown to people: file, parts, fields that hold words ((): all).
CATALOGUES = [
    ("schemas/actions.json", ("actions",), ("label", "question", "does", "description")),
    ("schemas/advice.json", ("advice",), ("sentence",)),
    ("schemas/history.json", ("events", "facts", "outcomes", "refunds", "stages", "views"), ()),
    ("schemas/mails.json", ("mails",), ("subject", "preheader", "heading", "paragraphs", "instructions")),
    ("schemas/mails.json", ("parts", "kinds", "sample_parts"), ()),
    ("schemas/mails.json", ("sample",), ("title",)),
    (
        "schemas/interfaces.json",
        ("job", "details", "page", "answer", "connection", "list", "abilities"),
        ("label", "does", "description"),
    ),
    (
        "schemas/pages.json",
        (
            "steps",
            "not_started",
            "changed",
            "formats",
            "findings",
            "tests",
            "cards",
            "periods",
            "columns",
            "privacy",
        ),
        (),
    ),
    ("schemas/reasons.json", ("reasons", "notices"), ("label", "advice")),
    ("schemas/reasons.json", ("customers",), ()),
    ("schemas/states.json", ("states",), ("label",)),
    ("schemas/view.json", ("phases", "words", "links"), ()),
]
# Stands in each file instead of the day on which it was made: the same words give the same file.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def template() -> Catalog:
    """Every translatable string of the plugin, with its places and the translators' comments."""
    catalog = Catalog(project="SMI Bridge", version=VERSION, language_team="", charset="utf-8", fuzzy=False)
    files = sorted(path.relative_to(PLUGIN).as_posix() for path in PLUGIN.rglob("*.php"))
    reader = Path(__file__).with_name("strings.php")
    printed = subprocess.run(
        ["php", reader, *files], cwd=PLUGIN, check=True, capture_output=True, text=True, timeout=120
    ).stdout
    for found in json.loads(printed):
        words = (found["id"], found["plural"]) if found["plural"] else found["id"]
        comments = [f"translators: {found['comment']}"] if found["comment"] else []
        catalog.add(words, locations=[(found["file"], None)], auto_comments=comments)
    for file in SCRIPTS.values():
        for words in _of_script(file):
            catalog.add(words, locations=[(file, None)])
    block = json.loads((PLUGIN / "assets/block/block.json").read_text())
    for name in ("title", "description"):
        catalog.add(block[name], locations=[("assets/block/block.json", None)], context=f"block {name}")
    for file, words in of_catalogues():
        said = json.loads((PLUGIN / file).read_text()).get("comments", {}).get(words)
        catalog.add(words, locations=[(file, None)], auto_comments=[f"translators: {said}"] if said else [])
    door = (PLUGIN / "smi-bridge.php").read_text()
    catalog.add(re.search(r"Description: +(.+)", door)[1], locations=[("smi-bridge.php", None)])
    return catalog


def of_catalogues() -> Iterator[tuple[str, str]]:
    """Words that are no PHP: file, English."""
    for name, parts, fields in CATALOGUES:
        read = json.loads((PLUGIN / name).read_text())
        for part in parts:
            yield from ((name, words) for words in _within(read[part], fields))


def _within(node: object, fields: tuple[str, ...], key: str = "") -> Iterator[str]:
    """Words of an entry; without fields all of them. What is only a {name} is no word."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _within(value, fields, name)
    elif isinstance(node, list):
        for value in node:
            yield from _within(value, fields, key)
    elif isinstance(node, str) and (key in fields or not fields) and re.sub(r"\{\w+\}", "", node):
        yield node


def text(catalog: Catalog) -> str:
    """A catalog as it stands in its file: the same words give the same text on every day."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=0, sort_output=False, ignore_obsolete=True, omit_header=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    dated = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator', '"Report-Msgid')
    return "".join(line for line in lines if not line.startswith((*dated, "# FIRST AUTHOR", "# Copyright")))


def translation(locale: str) -> Catalog:
    with open(FOLDER / f"smi-bridge-{locale}.po", "rb") as file:
        return read_po(file, locale=locale)


def locales() -> list[str]:
    return sorted(path.stem.removeprefix("smi-bridge-") for path in FOLDER.glob("smi-bridge-*.po"))


def missing(catalog: Catalog) -> list[str]:
    """Strings without a translation."""
    return [one(message.id) for message in catalog if message.id and missing_one(message)]


def missing_one(message: Message) -> bool:
    strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return not all(strings)


def one(id: object) -> str:
    """The singular of a message's id."""
    return str(id[0] if isinstance(id, (tuple, list)) else id)


def compiled(catalog: Catalog) -> bytes:
    """The .mo file. WordPress before 6.5 finds strings by the place of the (empty) hash table; Babel leaves it 0."""
    catalog.creation_date = catalog.revision_date = _DATE
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    data = bytearray(buffer.getvalue())
    total, _, translations = struct.unpack_from("<3I", data, 8)
    struct.pack_into("<I", data, 24, translations + 8 * total)
    return bytes(data)


def script_json(catalog: Catalog, file: str) -> str:
    """What wp-i18n reads: the part of a catalog that one script uses."""
    words = {id: [str(catalog[id].string)] for id in _of_script(file) if id in catalog and catalog[id].string}
    head = {"domain": "messages", "lang": str(catalog.locale), "plural-forms": catalog.plural_forms}
    data = {"domain": "messages", "locale_data": {"messages": {"": head} | words}}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    source = template()
    TEMPLATE.write_text(text(source))
    print(f"{len(source)} strings in {TEMPLATE.name}")
    for locale in locales():
        catalog = translation(locale)
        catalog.update(source, no_fuzzy_matching=True)
        catalog.version, catalog.language_team = source.version, ""
        (FOLDER / f"smi-bridge-{locale}.po").write_text(text(catalog))
        (FOLDER / f"smi-bridge-{locale}.mo").write_bytes(compiled(catalog))
        for handle, file in SCRIPTS.items():
            (FOLDER / f"smi-bridge-{locale}-{handle}.json").write_text(script_json(catalog, file))
        lacking = missing(catalog)
        print(f"{locale}: {len(lacking)} without words", *lacking, sep="\n  ")


def _of_script(file: str) -> Iterator[str]:
    source = (PLUGIN / file).read_text()
    return (found[1].replace("\\'", "'") for found in re.finditer(r"__\( '((?:[^'\\]|\\.)*)', 'smi-bridge' \)", source))


if __name__ == "__main__":
    main()
