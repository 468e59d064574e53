"""Every version of PHP that the bridge claims: each file compiles, and each part that needs no database does its work.

A notice, a warning or a deprecation that the bridge's files cause is a failure.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.core import messages, states
from tests.bridge.sidecar_stand_in import direction_key
from tests.fakes.steps import may_go
from tests.php_versions import claims, interpreter
from tests.php_versions.interpreter import CDN, FACTS, MAILS, PROVOKED, SIGNATURES, Findings

pytestmark = [pytest.mark.wordpress, pytest.mark.xdist_group("php-versions"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module", params=claims.VERSIONS, ids=lambda version: f"php-{version}")
def findings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Findings]:
    yield interpreter.ask(request.param, tmp_path_factory.mktemp("php"))


@pytest.fixture
def version(findings: Findings, request: pytest.FixtureRequest) -> str:
    return request.node.callspec.params["findings"]


def test_it_is_that_version(findings: Findings, version: str) -> None:
    assert findings.parts["php"].startswith(f"{version}.")


def test_every_file_compiles_without_a_word(findings: Findings) -> None:
    assert len(findings.compiled) == len(interpreter.files()) > 50
    assert {name: words for name, words in findings.compiled.items() if words} == {}


def test_every_class_loads_and_nothing_complains(findings: Findings) -> None:
    expected = [path for path in interpreter.files() if path.name.startswith(("class-", "interface-"))]
    assert len(findings.parts["classes"]) == len(expected)
    assert [words.split(" in ")[0] for words in findings.parts["complaints"]] == [PROVOKED]


def test_every_hook_leads_to_a_method(findings: Findings) -> None:
    number, broken = findings.parts["callbacks"]
    assert broken == []
    assert number > 50


def test_no_part_asks_the_database(findings: Findings) -> None:
    assert findings.parts["statements"] == []


def test_signatures_are_judged_as_the_vectors_say(findings: Findings) -> None:
    verdicts = zip(SIGNATURES["messages"], findings.parts["signatures"], strict=True)
    wrong = [
        (vector["name"], said["fault"]) for vector, said in verdicts if (said["fault"] == "") is not vector["authentic"]
    ]
    assert wrong == []


def test_keys_and_signatures_are_those_of_python(findings: Findings) -> None:
    for vector, said in zip(SIGNATURES["messages"], findings.parts["signatures"], strict=True):
        secrets = [secret for text in vector["secrets"] if (secret := _decoded(text)) is not None]
        keys = [messages.direction_key(secret, vector["direction"]) for secret in secrets]
        assert said["keys"] == [key.hex() for key in keys]
    (secret,) = SIGNATURES["messages"][0]["secrets"]
    assert findings.parts["signatures"][0]["keys"] == [direction_key(secret, "to-shop").hex()]
    assert findings.parts["signatures"][0]["sign"] == SIGNATURES["messages"][0]["headers"]["webhook-signature"]


def test_messages_are_judged_as_the_vectors_say(findings: Findings) -> None:
    assert findings.parts["misjudged"] == []


def test_addresses_at_a_cdn_are_signed_as_the_vectors_say(findings: Findings) -> None:
    said = findings.parts["cdn_links"]
    for signing in ("secure-link", "bunny", "cloudfront"):
        assert said[signing] == [case["signed"] for case in CDN[signing]]
    assert said["keys"] == [case["is_key"] for case in CDN["keys"]]
    assert said["no_key"] == ""


def test_what_is_late_is_judged_as_the_vectors_say(findings: Findings) -> None:
    assert findings.parts["mistimed"] == []


def test_an_attempt_may_go_where_the_sidecar_lets_it(findings: Findings) -> None:
    expected = {old: {new for new in states.STATES if may_go(old, new)} for old in states.STATES}
    assert {state: set(steps) for state, steps in findings.parts["steps"].items()} == expected
    assert set(findings.parts["settled"]) == states.SETTLED


def test_the_door_refuses_what_is_not_signed_or_not_of_the_contract(findings: Findings) -> None:
    asked = interpreter.requests()
    answers = dict(zip(asked, findings.parts["door"], strict=True))
    assert {name: status for name, (status, _) in answers.items()} == {name: it[0] for name, it in asked.items()}
    refusals = {body for status, body in answers.values() if status == 401}
    assert refusals == {'{"error":"unauthorized"}'}, "all refusals look the same from outside"


@pytest.mark.parametrize("kind", MAILS)
def test_each_mail_says_its_facts_in_both_languages(findings: Findings, kind: str) -> None:
    english, german = (findings.parts["mails"][locale][kind] for locale in ("en_US", "de_DE"))
    assert english[0] != german[0]
    for subject, html, text in (english, german):
        assert len(subject) > 10
        assert html.startswith("<!DOCTYPE html>") and html.rstrip().endswith("</html>")
        assert "<dawn>" not in html and "&amp;" not in text
    if kind != "admin":
        assert "1A2B3C4D" in english[1] and "1A2B3C4D" in english[2]
    if kind in ("delivered", "reminder"):
        for part in english[1:]:
            assert FACTS["download_url"] in part
            assert "8,000 × 6,000 pixels (48 MP)" in part
            assert "November 23, 2026, 10:04 am (UTC−05:00)" in part


# ------------------------------------------------------------------------------------------------ the check itself

SAMPLES = {
    "match.php": "<?php defined( 'ABSPATH' ) || exit; echo match ( 1 ) { 1 => 'one' };",
    "nullable.php": "<?php defined( 'ABSPATH' ) || exit; function f( array $a = null ) {}",
    "order.php": "<?php defined( 'ABSPATH' ) || exit; function f( $a = 1, $b ) {}",
    "plain.php": "<?php defined( 'ABSPATH' ) || exit; function f( ?array $a = null ) {}",
    "unguarded.php": "<?php function f() {}",
}


@pytest.mark.parametrize("version, faulty", [("7.4", {"match.php"}), ("8.5", {"nullable.php", "order.php"})])
def test_compiling_notices_new_syntax_and_deprecated_code(version: str, faulty: set[str], tmp_path: Path) -> None:
    for name, code in SAMPLES.items():
        (tmp_path / name).write_text(code)
    said = interpreter.compile_only(version, tmp_path)
    assert {name for name, words in said.items() if words} == faulty | {"unguarded.php"}
    assert all("Deprecated" in said[name] for name in faulty if version != "7.4")


def _decoded(text: str) -> bytes | None:
    try:
        return messages.decode_secret(text)
    except ValueError:
        return None
