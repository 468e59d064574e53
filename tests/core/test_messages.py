"""Signed messages: what is authentic, and that nothing else ever passes or escapes as another error."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random

import pytest
from standardwebhooks.webhooks import Webhook

from sidecar.core.messages import (
    MAX_BODY_BYTES,
    TO_SHOP,
    TO_SIDECAR,
    Opener,
    Signer,
    Unauthorized,
    decode_secret,
    direction_key,
    new_message_id,
    new_secret,
    parse_rfc3339,
    rfc3339,
    site_identity,
)

SITE = "https://shop.example"
NOW = 1_795_341_600.0
SECRET = b"0123456789abcdef0123456789abcdef"
OTHER = b"another secret of thirty-two byt"


def opener(*secrets: bytes, direction: str = TO_SIDECAR, site: str = SITE) -> Opener:
    return Opener(secrets or (SECRET,), direction=direction, site=site)


def sealed(type: str = "job.cancel", data: dict | None = None, *, secret: bytes = SECRET, now: float = NOW, **how):
    signer = Signer(secret, direction=how.pop("direction", TO_SIDECAR), site=how.pop("site", SITE))
    return signer.seal(type, {"job_id": "j-1"} if data is None else data, now=now, **how)


def signed(body: bytes, *, id: str = "msg_1", timestamp: str = str(int(NOW)), secret: bytes = SECRET) -> dict[str, str]:
    """Headers with a true signature over whatever the body is."""
    key = direction_key(secret, TO_SIDECAR)
    mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(mac).decode()
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def envelope(**changes: object) -> dict:
    whole = {"type": "job.cancel", "timestamp": rfc3339(NOW), "audience": f"sidecar:{SITE}", "data": {}} | changes
    return {name: value for name, value in whole.items() if value is not ...}


def refused(body: bytes, headers: dict[str, str], *, now: float = NOW, by: Opener | None = None) -> str:
    with pytest.raises(Unauthorized) as caught:
        (by or opener()).open(body, headers, now=now)
    assert caught.value.code == "unauthorized"
    return caught.value.detail


def test_the_published_vector_of_standard_webhooks() -> None:
    webhook = Webhook(decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(1614265330, UTC)
    signature = webhook.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_sealed_is_opened() -> None:
    body, headers = sealed(data={"job_id": "ü☀", "n": 1.5})
    message = opener().open(body, headers, now=NOW + 299)
    assert (message.type, message.data, message.id) == (
        "job.cancel",
        {"job_id": "ü☀", "n": 1.5},
        headers["webhook-id"],
    )
    assert message.body_sha256 == hashlib.sha256(body).hexdigest()


def test_the_signature_is_hmac_over_id_timestamp_and_body_with_the_directions_key() -> None:
    body, headers = sealed(id="msg_fixed")
    assert headers["webhook-signature"] == signed(body, id="msg_fixed")["webhook-signature"]


def test_a_message_that_is_too_old_or_from_the_future_is_refused() -> None:
    body, headers = sealed()
    for off in (-301, 301, 86400):
        assert "away from our clock" in refused(body, headers, now=NOW + off)
    opener().open(body, headers, now=NOW - 300)


def test_a_message_of_the_other_direction_is_refused_although_the_secret_is_the_same() -> None:
    body, headers = sealed(direction=TO_SHOP)
    assert "no signature fits" in refused(body, headers)
    body, headers = sealed(direction=TO_SIDECAR)
    assert "no signature fits" in refused(body, headers, by=opener(direction=TO_SHOP))


def test_a_message_for_another_site_is_refused_although_the_secret_is_the_same() -> None:
    body, headers = sealed(site="https://staging.shop.example")
    assert "audience" in refused(body, headers)


def test_the_audience_of_the_other_direction_is_refused_also_with_a_true_signature() -> None:
    body = json.dumps(envelope(audience=f"shop:{SITE}")).encode()
    assert "audience" in refused(body, signed(body))


def test_only_a_status_message_may_ask_any_site() -> None:
    body, headers = sealed("status", {}, audience="sidecar:?")
    assert opener().open(body, headers, now=NOW).type == "status"
    body, headers = sealed("job.cancel", audience="sidecar:?")
    assert "audience" in refused(body, headers)


def test_the_current_and_the_previous_secret_are_accepted_and_no_third() -> None:
    rotating = opener(OTHER, SECRET)
    for secret in (OTHER, SECRET):
        body, headers = sealed(secret=secret)
        rotating.open(body, headers, now=NOW)
    body, headers = sealed(secret=b"a third secret that nobody knows")
    refused(body, headers, by=rotating)


def test_one_fitting_signature_among_several_is_enough() -> None:
    body, headers = sealed()
    headers["webhook-signature"] = f"v1,{'A' * 43}= v2,xyz {headers['webhook-signature']}"
    opener().open(body, headers, now=NOW)


def test_a_signature_beyond_the_eighth_is_not_looked_at() -> None:
    body, headers = sealed()
    headers["webhook-signature"] = f"v1,{'A' * 43}= " * 8 + headers["webhook-signature"]
    refused(body, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    body, headers = sealed()
    del headers[name]
    refused(body, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_each_signed_header_is_covered_by_the_signature(name: str) -> None:
    body, headers = sealed()
    headers[name] = {"webhook-id": "msg_2", "webhook-timestamp": str(int(NOW) + 1)}[name]
    assert "no signature fits" in refused(body, headers)


def test_any_changed_byte_of_the_body_is_refused() -> None:
    body, headers = sealed(data={"job_id": "j"})
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        refused(changed, headers)


def test_the_timestamp_of_the_body_must_be_the_headers() -> None:
    body = json.dumps(envelope(timestamp=rfc3339(NOW - 1))).encode()
    assert "timestamps" in refused(body, signed(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": 5},
        {"type": ...},
        {"audience": None},
        {"data": []},
        {"data": ...},
        {"extra": 1},
        {"timestamp": 1_795_341_600},
    ],
)
def test_a_signed_body_that_is_no_envelope_is_refused(changes: dict) -> None:
    body = json.dumps(envelope(**changes)).encode()
    refused(body, signed(body))


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b'"x"', b"{", b"\xff\xfe", b'{"type": NaN', b"[" * 100_000, b"9" * 5000, b"\x00"],
)
def test_a_signed_body_that_is_not_even_json_is_refused(body: bytes) -> None:
    refused(body, signed(body))


def test_an_overlong_body_is_refused() -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    assert "1 MiB" in refused(body, signed(body))


@pytest.mark.parametrize("timestamp", ["", "1", "-1795341600", "1795341600.5", " 1795341600", "١٧٩٥٣٤١٦٠٠", "9" * 40])
def test_a_timestamp_that_is_not_a_plain_number_is_refused(timestamp: str) -> None:
    body, headers = sealed()
    refused(body, headers | {"webhook-timestamp": timestamp})


def test_ten_thousand_fuzzed_messages_are_all_unauthorized_and_nothing_else() -> None:
    """Seeded, so that a failure repeats. `refused` fails on any other exception and on acceptance."""
    random_ = random.Random(20261122)
    by = opener()
    good_body, good_headers = sealed()
    for _ in range(10_000):
        body, headers = bytearray(good_body), dict(good_headers)
        for _ in range(random_.randint(1, 3)):
            _spoil(random_, body, headers)
        if (bytes(body), headers) != (good_body, good_headers):
            refused(bytes(body), headers, by=by)


_LETTERS = "v1,AZaz09+/= ._-\n\r\0ä☀\ud800%:{}[]\"'"


def _spoil(random_: random.Random, body: bytearray, headers: dict[str, str]) -> None:
    kind = random_.randrange(7)
    name = random_.choice(sorted(headers))
    if kind == 0 and body:
        body[random_.randrange(len(body))] ^= 1 << random_.randrange(8)
    elif kind == 1:
        del body[random_.randrange(len(body) + 1) :]
        body += b"\x00"
    elif kind == 2:
        body[:] = random_.randbytes(random_.randrange(200))
    elif kind == 3 and name.startswith("webhook"):
        headers[name] = "".join(random_.choice(_LETTERS) for _ in range(random_.randrange(60)))
    elif kind == 4:
        headers["webhook-signature"] = (
            "v1," + base64.b64encode(random_.randbytes(random_.choice((0, 31, 32, 33)))).decode()
        )
    elif kind == 5:
        headers["webhook-timestamp"] = str(int(NOW) + random_.choice((-(10**9), -301, -1, 1, 301, 10**9)))
    else:
        headers.pop("webhook-signature", None)


# ---------------------------------------------------------------------- secrets, names, times
def test_a_new_secret_is_of_the_standard_form_and_never_the_same() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(decode_secret(new_secret())) == 32


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_####", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "A" * 100]
)
def test_a_malformed_secret_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode_secret(text)


def test_message_ids_pass_their_own_check() -> None:
    body, headers = sealed(id=new_message_id())
    opener().open(body, headers, now=NOW)


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://Shop.Example/", "https://shop.example"),
        ("HTTPS://shop.example/Blog/", "https://shop.example/Blog"),
        (" http://localhost:8080 ", "http://localhost:8080"),
    ],
)
def test_a_site_has_one_identity(url: str, identity: str) -> None:
    assert site_identity(url) == identity


def test_times_go_there_and_back() -> None:
    assert rfc3339(NOW) == "2026-11-22T10:00:00Z"
    assert parse_rfc3339(rfc3339(NOW + 0.9)) == NOW
