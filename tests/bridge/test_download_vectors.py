"""The shop's door opens what the sidecar's door opens, and says the same where it opens nothing."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import requests

from sidecar.core.settings import Settings
from tests.bridge.conftest import SECRET, Bridge
from tests.downloads import CASES, DELIVERED, SHA256, Case

NEWEST_ONLY = True  # nothing here depends on the version of WordPress


def settings_lines(bridge: Bridge) -> dict[str, str]:
    """Of the shop's sidecar."""
    shop = {"SMI_SHOP_URL": bridge.shop.url, "SMI_UPLOADS_DIR": str(bridge.shop.uploads)}
    return shop | {"SMI_SECRET": SECRET, "UPSAMPLER_API_KEY": "a-key"}


def utc(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def sold(bridge: Bridge, case: Case, name: str) -> None:
    """The job's ledger rows."""
    for row in case.vector["ledger"]:
        facts: dict[str, Any] = {"attempt": row["attempt"], "state": row["state"], "reason": row.get("reason")}
        if "ends" in row:
            facts |= {"bytes": len(DELIVERED), "width": 32, "height": 24, "format": "png"}
            facts["expires_at"] = utc(case.now + row["ends"])
            if row.get("revoked") or row.get("erased"):
                facts["revoked_at"] = utc(case.now)
            if not row.get("erased"):
                facts |= {"path": name, "sha256": SHA256, "token": case.token(row)}
        bridge.open(case.job_id, **{column: value for column, value in facts.items() if value is not None})


@pytest.mark.parametrize("vector", CASES, ids=lambda vector: vector["name"])
def test_a_link_opens_what_the_vectors_say(bridge: Bridge, vector: dict[str, Any]) -> None:
    keys = Settings.from_env(settings_lines(bridge)).signing_keys
    case = Case(vector, str(uuid.uuid4()), int(time.time()), bridge.shop.url, keys)
    folder = bridge.shop.uploads / "smi-downloads"
    path = folder / f"2026/11/{case.job_id}_4x.png"
    sold(bridge, case, f"2026/11/{case.job_id}_4x.png")
    data = case.put_file(path)
    headers, away = case.headers(path), folder.with_name("put-by")
    if vector.get("file") == "folder":
        folder.mkdir(exist_ok=True)
        folder.rename(away)
    try:
        answer = requests.request(
            vector.get("method", "GET"),
            f"{bridge.shop.url}/",
            params={"smi-bridge": "download", "job": case.job_id, "token": case.token(vector["link"])},
            headers=headers,
            timeout=30,
        )
    finally:
        if away.exists():
            away.rename(folder)
    text = answer.text if "text/html" in answer.headers.get("Content-Type", "") else ""
    text = text.replace("&#8217;", "’").replace("This link is no longer valid", "no longer valid")
    case.check(status=answer.status_code, text=text, headers=answer.headers, body=answer.content, data=data, path=path)
    noted = [row["attempt"] for row in bridge.ledger(case.job_id) if row["downloaded_at"]]
    assert noted == vector["answer"].get("noted", [1])


def test_a_link_signed_before_a_change_of_the_secret_is_known_again(bridge: Bridge) -> None:
    vector = next(case for case in CASES if case["name"] == "a link that was made anew")
    before = "whsec_" + "YSBzZWNyZXQgdGhhdCBpcyBub3QgdXNlZCBhbnkgbW9yZSE="
    keys = Settings.from_env({**settings_lines(bridge), "SMI_SECRET": before}).signing_keys
    case = Case(vector, str(uuid.uuid4()), int(time.time()), bridge.shop.url, keys)
    sold(bridge, case, f"2026/11/{case.job_id}_4x.png")
    link = {"smi-bridge": "download", "job": case.job_id, "token": case.token(vector["link"])}
    answers = []
    for previous in ("", before):
        bridge.option("smi_bridge_previous_secret", previous)
        answers.append(requests.get(f"{bridge.shop.url}/", params=link, timeout=30).status_code)
    bridge.option("smi_bridge_previous_secret", "")
    assert answers == [404, 410]
