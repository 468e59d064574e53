"""The bridge on one version of PHP without a database: what each file and each part said."""

import base64
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bridge.sidecar_stand_in import ShopDoor
from tests.php_versions.names import NAMES
from tests.testbed.node import NODE, SHORT_LIVED, packages
from tests.testbed.places import REPOSITORY
from tests.testbed.wordpress import NEWEST, wordpress_files

HERE = Path(__file__).resolve().parent
PLUGIN = REPOSITORY / "wp-bridge-plugin"
VECTORS = REPOSITORY / "tests" / "vectors"
SIGNATURES = json.loads((VECTORS / "signatures.json").read_text())
CDN = json.loads((VECTORS / "cdn.json").read_text())
INSIDE = "/content/plugins/smi-bridge"
SITE = "https://shop.example"
SECRET = "whsec_" + "c21pLWJyaWRnZSB0ZXN0IHNlY3JldCBvZiAzMiBieXQ="
TIME_LIMIT = 120
PROVOKED = "provoked by the tests"

FACTS = {
    "job_id": "1a2b3c4d-0000-4000-8000-000000000002",
    "attempt": 1,
    "email": "buyer@customer.example",
    "title": "Harbour at <dawn>",
    "width": 8000,
    "height": 6000,
    "bytes": 31_400_000,
    "format": "jpeg",
    "factor": 4,
    "download_url": "https://shop.example/smi/download/a.long-token_x/harbour-4x.jpg",
    "status_url": "https://shop.example/status/",
    "expires_at": "2026-11-23T15:04:05Z",
    "reason": "source_gone",
    "amount": "4.80",
}
ITEMS = [
    {"kind": "review", "job_id": FACTS["job_id"], "detail": "Nobody answered.", "since": 1_795_000_000},
    {"kind": "hold", "detail": "The credits are used up.", "since": 1_795_000_000},
]
MAILS: dict[str, dict[str, Any]] = {
    "delivered": {},
    "reminder": {},
    "delayed": {},
    "review": {},
    "refunded": {},
    "message": {"customer_message": "A word of our own.\n\nAnd another."},
    "admin": {"items": ITEMS},
}
OPTIONS = {
    "home": SITE,
    "siteurl": SITE,
    "blogname": "Harbour &amp; Sea",
    "admin_email": "admin@shop.example",
    "date_format": "F j, Y",
    "time_format": "g:i a",
    "timezone_string": "America/New_York",
    "gmt_offset": -5,
    "smi_bridge_secret": SECRET,
}


@dataclass(frozen=True)
class Findings:
    """What one version of PHP said."""

    compiled: Mapping[str, str]
    parts: Mapping[str, Any]


def files() -> list[Path]:
    """Every PHP file of the bridge, relative to its folder."""
    return sorted(path.relative_to(PLUGIN) for path in PLUGIN.rglob("*.php"))


def requests() -> dict[str, tuple[int, bytes, dict[str, str]]]:
    """Messages that are refused before any table is read: name => status, body, headers."""
    door = ShopDoor(SITE, SITE, SECRET, None)
    at = time.time()
    envelope = door.envelope([{"id": "m0", "type": "status", "data": {}}], at=at)
    good, headers = door.seal(envelope, at=at)
    return {
        "no signature": (401, good, headers | {"webhook-signature": ""}),
        "another body": (401, good + b" ", headers),
        "too old": (401, *door.seal(envelope, at=at - 3600)),
        "another shop": (401, *door.seal(envelope | {"audience": "shop:https://other.example"}, at=at)),
        "unknown type": (422, *door.seal(envelope | {"type": "parcel"}, at=at)),
        "no messages": (400, *door.seal(envelope | {"data": {"messages": []}}, at=at)),
    }


def signatures() -> list[dict[str, Any]]:
    """The vectors of signatures, with their bodies in full."""
    return [case | {"body": _whole(case["body"])} for case in SIGNATURES["messages"]]


def compile_only(version: str, folder: Path) -> dict[str, str]:
    """What that version says when it compiles the PHP files of `folder`: name => words, '' for nothing."""
    names = sorted(path.name for path in folder.glob("*.php"))
    job = {"folders": {"/files": str(folder)}, "compile": [f"/files/{name}" for name in names]}
    compiled = _run(version, folder / "job.json", job)["compiled"]
    return {name: _words(compiled[f"/files/{name}"]) for name in names}


def ask(version: str, folder: Path) -> Findings:
    """Run everything on that version. Raises CalledProcessError, TimeoutExpired, or ValueError when PHP broke off."""
    content = folder / "content"
    (content / "plugins").mkdir(parents=True)
    (content / "themes").mkdir()
    (content / "db.php").write_bytes((HERE / "php" / "no-database.php").read_bytes())
    (content / "plugins" / "provoke.php").write_text(f"<?php trigger_error( '{PROVOKED}', E_USER_DEPRECATED );")
    inside = [f"{INSIDE}/{path.as_posix()}" for path in files()]
    job = {
        "folders": {
            "/content": str(content),
            "/wordpress": str(wordpress_files(NEWEST)),
            "/scripts": str(HERE / "php"),
            "/vectors": str(VECTORS),
            INSIDE: str(PLUGIN),
        },
        "compile": inside,
        "parts": True,
        "classes": [path for path in inside if Path(path).name.startswith(("class-", "interface-"))],
        "names": NAMES,
        "options": OPTIONS,
        "signatures": signatures(),
        "requests": [
            {"headers": headers, "body": base64.b64encode(body).decode()} for _, body, headers in requests().values()
        ],
        "facts": FACTS,
        "mails": MAILS,
    }
    found = _run(version, folder / "job.json", job)
    printed, mark, said = found["parts"]["printed"].partition("\x1e")
    if not mark or printed.strip():
        raise ValueError(f"PHP {version} broke off: {found['parts']}")
    compiled = {name.removeprefix(INSIDE + "/"): _words(answer) for name, answer in found["compiled"].items()}
    return Findings(compiled, json.loads(said))


def _run(version: str, asked: Path, job: dict[str, Any]) -> dict[str, Any]:
    asked.write_text(json.dumps(job))
    command = [NODE, *SHORT_LIVED, HERE / "interpreter.mjs", packages() / "node_modules", version, asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIME_LIMIT)
    return json.loads(done.stdout)


def _words(answer: dict[str, Any]) -> str:
    """All that PHP said, and how it ended unless well."""
    ended = f"exit {answer['exit']}" if answer["exit"] else ""
    return "\n".join(filter(None, (answer["printed"].strip(), answer["errors"].strip(), ended)))


def _whole(body: Any) -> str:
    if isinstance(body, dict):
        return base64.b64encode(body["repeat"].encode() * body["times"]).decode()
    return body
