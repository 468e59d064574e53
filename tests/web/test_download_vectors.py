"""The sidecar's door opens what the shop's door opens, and says the same where it opens nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sidecar.core.messages import rfc3339
from tests.downloads import CASES, DELIVERED, SHA256, Case
from tests.web.conftest import Web

PATH = "2026/11/job-1_4x.png"


def sold(web: Web, case: Case) -> None:
    """The job's ledger rows. Working memory knows nothing of it yet."""
    shop = web.rig.shop
    shop.buy("job-1", in_ledger=False)
    for row in case.vector["ledger"]:
        shop._open("job-1", row["attempt"], rerun=row["attempt"] > 1)
        entered = shop.newest("job-1")
        entered.state, entered.reason = row["state"], row.get("reason")
        entered.submission, entered.upsampler_id = 1, "ups-1"
        if "ends" in row:
            entered.revoked = row.get("revoked", False) or row.get("erased", False)
            entered.delivery = None if row.get("erased") else delivery(case, row)


def delivery(case: Case, row: dict[str, Any]) -> dict[str, Any]:
    facts = {"path": PATH, "bytes": len(DELIVERED), "sha256": SHA256, "width": 32, "height": 24, "format": "png"}
    end = rfc3339(case.now + row["ends"])
    return facts | {"token": case.token(row), "download_url": None, "expires_at": end}


@pytest.mark.parametrize("vector", CASES, ids=lambda vector: vector["name"])
def test_a_link_opens_what_the_vectors_say(tmp_path: Path, vector: dict[str, Any]) -> None:
    web = Web(tmp_path)
    settings = web.rig.settings
    case = Case(vector, "job-1", int(web.rig.clock()), settings.site, settings.signing_keys)
    sold(web, case)
    path = web.rig.files.root / PATH
    web.rig.files.prepare()
    data = case.put_file(path)
    if vector.get("file") == "folder":
        web.rig.files.root.rename(web.uploads / "put-by")
    link = f"/download/{case.token(vector['link'])}"
    headers, method = case.headers(path), vector.get("method", "GET")
    for known in ("from the ledger", "from working memory"):
        answer = web.client.open(link, method=method, headers=headers)
        text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else known
        case.check(status=answer.status_code, text=text, headers=answer.headers, body=answer.data, data=data, path=path)
    web.rig.let_pass(5)
    noted = [row.attempt for row in web.rig.shop.rows.get("job-1", []) if row.downloaded]
    assert noted == vector["answer"].get("noted", [1])
    assert web.rig.faults() == []
