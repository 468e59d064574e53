"""What Python's JSON reader takes and PHP's refuses must not come through our door either."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from sidecar.core.messages import TO_SIDECAR, Opener, Unauthorized, decode_secret, direction_key, rfc3339

SECRET = decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
NOW = 1795359879


def opened(data: str) -> dict:
    timestamp, audience = rfc3339(NOW), "sidecar:https://shop.example"
    body = f'{{"type":"status","timestamp":"{timestamp}","audience":"{audience}","data":{data}}}'
    signature = Webhook(direction_key(SECRET, TO_SIDECAR)).sign("msg_1", datetime.fromtimestamp(NOW, UTC), body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}
    opener = Opener([SECRET], direction=TO_SIDECAR, site="https://shop.example")
    return opener.open(body.encode(), headers, now=NOW).data


@pytest.mark.parametrize("data", ['{"n": NaN}', '{"n": -Infinity}', '{"n": "\\ud800"}', '{"\\udc00": 1}'])
def test_numbers_and_characters_that_do_not_exist_are_refused_although_signed(data: str):
    with pytest.raises(Unauthorized, match="not JSON"):
        opened(data)


def test_a_whole_character_in_two_escapes_is_read():
    assert opened('{"n": "\\ud83d\\ude00"}') == {"n": "\U0001f600"}
