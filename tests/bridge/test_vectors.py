"""Both languages read the same vectors and agree; and they agree on 10,000 messages that nobody thought of."""

import base64
import hashlib
import hmac
import json
import random
import subprocess
import time
from typing import Any

import pytest

from sidecar.adapters import schemas
from sidecar.core import messages
from sidecar.core.errors import CallerError
from tests.bridge.conftest import BRIDGE, SECRET, Bridge, newest_only
from tests.bridge.sidecar_stand_in import direction_key, rfc3339
from tests.testbed.places import REPOSITORY

VECTORS = REPOSITORY / "tests" / "vectors"
SIGNATURES = json.loads((VECTORS / "signatures.json").read_text())
MESSAGES = json.loads((VECTORS / "messages.json").read_text())


def body_of(vector: dict[str, Any]) -> bytes:
    body = vector["body"]
    if isinstance(body, dict):
        return body["repeat"].encode() * body["times"]
    return base64.b64decode(body)


def php_verdicts(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the bridge's own code says of each case."""
    lines = "\n".join(json.dumps(case | {"body": base64.b64encode(body_of(case)).decode()}) for case in cases)
    script = REPOSITORY / "tests" / "bridge" / "php" / "verify.php"
    done = subprocess.run(
        ["php", str(script), str(BRIDGE)], input=lines, capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_php_verifies_the_standard_webhooks_vector() -> None:
    reference = SIGNATURES["reference"]
    headers = {"webhook-id": reference["id"], "webhook-timestamp": str(reference["timestamp"])}
    case = {
        "secrets": [reference["secret"]],
        "direction": "",
        "now": reference["timestamp"],
        "headers": headers | {"webhook-signature": reference["signature"]},
        "body": reference["body"],
    }
    (verdict,) = php_verdicts([case])
    assert verdict["fault"] == ""
    assert verdict["sign"] == reference["signature"]


@pytest.mark.parametrize("secret", SIGNATURES["secrets"], ids=lambda secret: repr(secret["text"][:30]))
def test_both_languages_read_a_secret_alike(secret: dict[str, Any]) -> None:
    case = {"secrets": [secret["text"]], "direction": "", "now": 0, "headers": {}, "body": ""}
    (verdict,) = php_verdicts([case])
    assert bool(verdict["keys"]) is secret["valid"]
    if secret["valid"]:
        assert messages.decode_secret(secret["text"]).hex() == verdict["keys"][0]
    else:
        with pytest.raises(ValueError):
            messages.decode_secret(secret["text"])


@pytest.mark.parametrize("keys", SIGNATURES["keys"], ids=lambda keys: keys["secret"][:16])
@pytest.mark.parametrize("direction", ["to-sidecar", "to-shop"])
def test_both_languages_derive_the_same_keys(keys: dict[str, str], direction: str) -> None:
    case = {"secrets": [keys["secret"]], "direction": direction, "now": 0, "headers": {}, "body": ""}
    assert php_verdicts([case])[0]["keys"] == [keys[direction]]
    secret = messages.decode_secret(keys["secret"])
    assert messages.direction_key(secret, direction).hex() == keys[direction]
    assert direction_key(keys["secret"], direction).hex() == keys[direction]


def test_php_judges_every_signature_as_the_vectors_say() -> None:
    verdicts = php_verdicts(SIGNATURES["messages"])
    wrong = [
        (vector["name"], verdict["fault"])
        for vector, verdict in zip(SIGNATURES["messages"], verdicts, strict=True)
        if (verdict["fault"] == "") is not vector["authentic"]
    ]
    assert wrong == []


@pytest.mark.parametrize("vector", SIGNATURES["messages"], ids=lambda vector: vector["name"][:60])
def test_python_judges_every_signature_as_the_vectors_say(vector: dict[str, Any]) -> None:
    """The opener looks at the envelope after the signature; these bodies are none: 'authentic' means it got there."""
    secrets = [messages.decode_secret(text) for text in vector["secrets"]]
    opener = messages.Opener(secrets, direction=vector["direction"], site="https://shop.example")
    with pytest.raises(messages.Unauthorized) as refusal:
        opener.open(body_of(vector), vector["headers"], now=vector["now"])
    got_to_the_envelope = refusal.value.detail.startswith("body is not") and "UTF-8" not in refusal.value.detail
    assert got_to_the_envelope is vector["authentic"], refusal.value.detail


# ------------------------------------------------------------------------------------------------ message data

CASES = [
    (direction, type, kind, index)
    for direction in ("to-shop", "to-sidecar")
    for type, lists in MESSAGES[direction].items()
    for kind in ("valid", "invalid")
    for index in range(len(lists[kind]))
]


def test_every_message_of_the_contract_has_vectors() -> None:
    for direction in ("to-shop", "to-sidecar"):
        assert set(MESSAGES[direction]) == set(schemas.types(direction))


def test_python_judges_every_message_as_the_vectors_say() -> None:
    wrong = []
    for direction, type, kind, index in CASES:
        vector = MESSAGES[direction][type][kind][index]
        data = vector if kind == "valid" else vector["data"]
        try:
            schemas.check(direction, type, data)
            judged = "valid"
        except CallerError:
            judged = "invalid"
        if judged != kind:
            wrong.append((direction, type, vector if kind == "valid" else vector["why"]))
    assert wrong == []


def test_php_judges_every_message_as_the_vectors_say(bridge: Bridge) -> None:
    wrong = bridge.shop.php_json(
        f"""
        $wrong = [];
        $vectors = json_decode(file_get_contents('{VECTORS}/messages.json'));
        foreach (['to-shop', 'to-sidecar'] as $direction) {{
            foreach ($vectors->$direction as $type => $lists) {{
                foreach (['valid', 'invalid'] as $kind) {{
                    foreach ($lists->$kind as $vector) {{
                        $data = 'valid' === $kind ? $vector : $vector->data;
                        $fault = SmiBridge\\Core\\Schemas::fault($data, "$direction/$type");
                        if (('' === $fault) !== ('valid' === $kind)) {{
                            $wrong[] = [$direction, $type, $kind, $vector->why ?? '', $fault];
                        }}
                    }}
                }}
            }}
        }}
        return $wrong;
        """
    )
    assert wrong == []


# ------------------------------------------------------------------------------------------------ fuzz

FUZZ = 10_000
STATUS = {"messages": [{"id": "m", "type": "status", "data": {}}]}


def fuzzed(number: int, now: int, site: str) -> dict[str, Any]:
    """Headers and body of one case: a good message, changed in up to three ways, signed before or after."""
    dice = random.Random(f"case {number}")
    at = now + dice.choice([0, 0, 0, 0, -200, 200, -1000, 1000])
    envelope: Any = {"type": "batch", "timestamp": rfc3339(at), "audience": f"shop:{site}", "data": STATUS}
    for _ in range(dice.choice([0, 0, 1, 1, 2])):
        envelope = _change_envelope(dice, envelope, site, at)
    body = json.dumps(envelope, ensure_ascii=dice.random() < 0.5).encode()
    if dice.random() < 0.15:
        body = _change_bytes(dice, body)
    id = dice.choice([f"msg_{number:032x}", f"msg.{number}", "m" * dice.randint(1, 80), "", "msg \t", "mé"])
    key = dice.choice(
        [direction_key(SECRET, "to-shop")] * 6 + [direction_key(SECRET, "to-sidecar"), b"", b"another key"]
    )
    signature = base64.b64encode(_hmac(key, f"{id}.{at}.".encode() + body)).decode()
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": dice.choice(["v1,", "v1,", "v1,", "v1,", "v1,x v1,", "v2,q  v1,"]) + signature,
    }
    if dice.random() < 0.3:
        name = dice.choice(list(headers))
        headers[name] = _change_text(dice, headers[name])
    if dice.random() < 0.15:
        body = _change_bytes(dice, body)
    return {"headers": headers, "body": base64.b64encode(body).decode()}


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def _change_envelope(dice: random.Random, envelope: Any, site: str, at: int) -> Any:
    if not isinstance(envelope, dict):
        return envelope
    odd = [None, True, 0, -1, 1.5, "", "x", "ü🖼", [], {}, [envelope], {"a": 1}, rfc3339(at + 1), f"sidecar:{site}"]
    odd += [f"shop:{site}/", f"SHOP:{site}", "shop:?", "sidecar:?", rfc3339(at).replace("Z", "+00:00")]
    changed = dict(envelope)
    what = dice.random()
    if what < 0.6:
        changed[dice.choice(list(envelope) or ["type"])] = dice.choice(odd)
    elif what < 0.75:
        changed.pop(dice.choice(list(envelope) or ["type"]), None)
    elif what < 0.9:
        changed[dice.choice(["surplus", "", "Type", "data "])] = dice.choice(odd)
    else:
        return dice.choice(odd)
    return changed


def _change_bytes(dice: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    where = dice.randrange(len(changed) + 1)
    what = dice.randrange(4)
    if what == 0 and where < len(changed):
        changed[where] ^= 1 << dice.randrange(8)
    elif what == 1:
        del changed[where:]
    elif what == 2:
        changed[where:where] = dice.choice([b" ", b"\n", b"\x00", b"\xff", b"\xc3", b"{", b"}", b'"', b"\\"])
    else:
        changed += dice.choice([b" ", b"\n", b"x", b"\x00", b"{}"])
    return bytes(changed)


def _change_text(dice: random.Random, text: str) -> str:
    where = dice.randrange(len(text) + 1)
    return dice.choice(
        [
            "",
            text[:where],
            text + dice.choice([" ", "\n", "\t", "\x00", "=", ",", "0", "é", "v1"]),
            dice.choice([" ", "+", "-", "0", "\n"]) + text,
            text[:where] + dice.choice([" ", ",", ".", "A", "9", "é", "\x00"]) + text[where + 1 :],
            text.upper(),
            text.swapcase(),
            text + " " + text,
            " ".join([text] * 9),
            text.replace("1", "１"),
            text * 50,
        ]
    )


@newest_only
def test_both_languages_agree_on_ten_thousand_fuzzed_messages(bridge: Bridge, tmp_path) -> None:
    now = int(time.time())
    cases = [fuzzed(number, now, bridge.shop.url) for number in range(FUZZ)]
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    statuses = bridge.shop.php_json(
        f"""
        add_filter('smi_bridge_log_to_php', '__return_false');
        return array_map(
            function ($case) {{
                $body = base64_decode($case['body']);
                return SmiBridge\\Messages\\Messages_Endpoint::answer($case['headers'], $body)[0];
            }},
            json_decode(file_get_contents('{file}'), true)
        );
        """
    )
    opener = messages.Opener([messages.decode_secret(SECRET)], direction="to-shop", site=bridge.shop.url)
    disagree, authentic = [], 0
    for number, (case, status) in enumerate(zip(cases, statuses, strict=True)):
        try:
            opener.open(base64.b64decode(case["body"]), case["headers"], now=now)
            authentic += 1
            python = "authentic"
        except messages.Unauthorized as refusal:
            python = f"refused: {refusal.detail}"
        if (python == "authentic") != (status != 401):
            disagree.append((number, python, status, case))
    assert disagree == []
    assert {status for status in statuses} <= {200, 400, 401, 409, 422}, "never a fault of ours"
    assert FUZZ / 20 < authentic < FUZZ / 2, "the dice must throw both kinds"


def test_php_makes_and_opens_status_tokens_as_the_vectors_say() -> None:
    vectors = (VECTORS / "status-tokens.json").read_text()
    script = REPOSITORY / "tests" / "bridge" / "php" / "open-status.php"
    done = subprocess.run(
        ["php", str(script), str(BRIDGE)], input=vectors, capture_output=True, text=True, check=True, timeout=60
    )
    said, expected = json.loads(done.stdout), json.loads(vectors)
    assert said["made"] == expected["made"]["token"]
    assert said["opens"] == [case["opens"] for case in expected["cases"]]
