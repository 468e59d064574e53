"""Where the web process listens, as gunicorn reads it and as it stands in addresses."""

from __future__ import annotations

import pytest
from gunicorn.util import parse_address

from sidecar.core.env import in_address, local_address


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "[::1]", "::", "0.0.0.0", "shop.example", "fd00::7"])
def test_gunicorn_listens_at_what_is_set(bind: str) -> None:
    assert parse_address(f"{in_address(bind)}:8321") == (bind.strip("[]"), 8321)


@pytest.mark.parametrize(
    ("bind", "host"),
    [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("10.0.0.2", "10.0.0.2")],
)
def test_its_own_machine_reaches_it(bind: str, host: str) -> None:
    assert local_address(bind) == host
