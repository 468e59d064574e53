"""The catalogues in schemas/ and the code that reads them name the same things."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sidecar.core.advice import CATALOGUE
from sidecar.core.job import JOB_ID
from sidecar.core.reasons import REASONS
from sidecar.core.states import MOVED_BY, PHASES
from tests.architecture.test_codes import raised
from tests.testbed.places import REPOSITORY
from tests.ui.documents import PHASES as DOCUMENTED
from tests.ui.documents import document

BRIDGE = REPOSITORY / "wp-bridge-plugin"


def source(name: str) -> str:
    (file,) = BRIDGE.rglob(name)
    return file.read_text(encoding="utf-8")


def catalogue(name: str) -> dict[str, Any]:
    return json.loads((BRIDGE / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


def body(code: str, name: str) -> str:
    """What stands in the parentheses of a constant or a variable that is an array."""
    found = re.search(rf"{re.escape(name)}\s*=\s*array\((.*?)\);", code, re.DOTALL)
    assert found, name
    return found[1]


def words(text: str) -> list[str]:
    return re.findall(r"'([a-z_]+)'", text)


def pairs(text: str) -> dict[str, str]:
    return dict(re.findall(r"'?([\w]+)'?\s*=> '([a-z_]+)'", text))


def test_a_person_or_a_bank_decides_with_a_reason_that_has_words() -> None:
    decided = re.findall(r"const [A-Z_]+ = '([a-z_]+)';", source("class-reasons.php"))
    assert len(decided) == 4 and set(decided) <= set(REASONS)


def test_every_kind_of_mail_has_a_name_and_those_to_customers_have_words() -> None:
    kinds, mails = words(body(source("class-mail.php"), "const KINDS")), catalogue("mails")
    assert list(mails["kinds"]) == kinds
    assert set(mails["mails"]) - {"refunded_by_person"} == set(kinds) - {"admin"}


def test_every_action_that_a_row_allows_is_in_the_catalogue_and_is_done_somewhere() -> None:
    """`refund_downloaded` is the refund in other words."""
    code = source("class-allowed-actions.php")
    possible = set(words("".join(re.findall(r"array\( ('[^)]+) \)", code.partition("function possible")[2]))))
    assert possible | {"refund_downloaded"} == set(catalogue("actions")["actions"])
    run = source("class-actions.php")
    assert [action for action in possible if f"'{action}'" not in run] == []


def test_every_table_of_the_admins_pages_names_what_the_code_names() -> None:
    pages = catalogue("pages")
    connection = source("class-connection-test.php")
    found = set(re.findall(r"self::(?:fault|good|finding)\( '([a-z_]+)'", connection))
    assert found == set(pages["findings"]) and len(found) > 8
    assert set(re.findall(r"function test_([a-z]+)\(", source("class-site-health.php"))) == set(pages["tests"])
    assert set(pages["formats"]) == {"", *words(body(source("class-settings.php"), "const OUTPUT_FORMATS"))}
    assert set(pages["periods"]) == set(re.findall(r"'(\w+)' +=> array\(", body(source("class-stats.php"), "PERIODS")))
    assert set(pages["changed"]) | {""} == set(
        re.findall(r"self::back\( '([a-z]*)'", source("class-secret-change.php"))
    )
    assert set(pages["not_started"]) | {"started"} == set(
        re.findall(r"return '([a-z_]+)';", source("class-test-picture.php"))
    )


def patterns(schema: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """(property, pattern) of a JSON Schema, at whatever depth; an array's is its items'."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield name, schema["pattern"]
        for key, value in schema.items():
            yield from patterns(value, name if key in ("items", "properties", "anyOf") else key)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value, name)


def test_a_jobs_id_has_one_form() -> None:
    assert f"const PATTERN = '{JOB_ID}';" in source("class-job-id.php")
    assert f"var JOB_ID = /^{JOB_ID}$/;" in source("status.js")
    found = [
        (path.name, name, pattern)
        for path in (BRIDGE / "schemas").rglob("*.json")
        for name, pattern in patterns(json.loads(path.read_text(encoding="utf-8")))
        if name in ("job_id", "job_ids", "jobs", "id") or "A-Za-z0-9_-]{" in pattern
    ]
    assert len(found) > 20
    assert [place for place in found if JOB_ID not in place[2]] == []


def test_what_the_sidecar_says_of_the_shops_door_leads_to_advice() -> None:
    way_back = pairs(body(source("class-connection-test.php"), "const WAY_BACK"))
    assert len(way_back) == 5 and set(way_back.values()) <= set(CATALOGUE)
    assert set(way_back) <= raised() | set(REASONS)


def test_every_word_for_a_failed_request_is_understood_where_it_is_read() -> None:
    client = source("class-http-client.php")
    said = set(pairs(body(client, "$words")).values()) | set(re.findall(r"'([a-z]+)' +=> '/", client)) | {"network"}
    assert said == {"refused", "dns", "timeout", "tls", "network"}
    assert said <= set(CATALOGUE)
    assert said <= {code for code, status in catalogue("interfaces")["statuses"].items() if status >= 500}
    assert said <= set(words(source("class-send-later.php")))


def test_time_limits_stand_in_one_file_of_each_language() -> None:
    """What a connection, a process or a thread may take stands beside the code that waits."""
    workflow = REPOSITORY / "sidecar" / "workflow"
    python = [
        f"{path.name}: {line}"
        for path in workflow.rglob("*.py")
        if path.name != "time_limits.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"[A-Z_]+_S(: \w+)? = ", line)
    ]
    php = [
        f"{path.name}: {found}"
        for path in BRIDGE.rglob("*.php")
        if path.name != "class-time-limits.php"
        for found in re.findall(
            r"const \w+ *= *[^;\n]*_IN_SECONDS|/\*\* Seconds[^\n]*\n\s*const \w+ *= *[0-9]+",
            path.read_text(encoding="utf-8"),
        )
    ]
    assert (python, php) == ([], [])


def test_the_status_page_has_a_step_for_each_stage_and_for_nothing_else() -> None:
    """A job whose money goes back has left the steps: its phase says so."""
    steps = re.search(r"STEP_OF_STAGE = \{([^}]+)\}", source("status.js"))
    assert steps and set(re.findall(r"(\w+):", steps[1])) == set(MOVED_BY.values()) - {"settle"}


def test_the_documents_of_the_status_pages_tests_are_of_stages_that_there_are() -> None:
    stages = {PHASES[state]: stage for state, stage in MOVED_BY.items()} | {"delayed": "watch"}
    for phase in DOCUMENTED:
        assert document(phase)["stage"] == stages.get(phase), phase
