"""The catalogue of advice and the rule about versions, as PHP reads them: the same as Python does."""

import json

from sidecar.core.advice import CATALOGUE, advice
from sidecar.core.compatibility import work_together
from tests.bridge.conftest import Bridge, newest_only

FACTS = {
    name: f"<{name}>"
    for name in (
        "folder",
        "url",
        "user",
        "file",
        "program",
        "port",
        "free",
        "home",
        "shop",
        "seconds",
        "bridge",
        "host",
    )
} | {"sidecar": "<sidecar>"}
PAIRS = [("1.0.0", "1.1.0"), ("1.0.0", "1.2.0"), ("2.0.0", "1.0.0"), ("1.10.0", "1.9.3"), ("", "1.0.0"), ("1.0", "x")]


@newest_only
def test_both_languages_say_the_same(bridge: Bridge) -> None:
    said = bridge.shop.php_json(
        f"return array_map(function ($code) {{ return SmiBridge\\Core\\Advice::of($code, {_php(FACTS)}); }},"
        " array_keys(SmiBridge\\Core\\Advice::catalogue()));"
    )
    assert said == [vars(advice(code, **FACTS)) for code in CATALOGUE]
    for pair in PAIRS:
        fit = bridge.shop.php_json(f"return SmiBridge\\Wire\\Sidecar_Report::work_together('{pair[0]}', '{pair[1]}');")
        assert fit is work_together(*pair), pair


def _php(values: dict[str, str]) -> str:
    return "json_decode('" + json.dumps(values) + "', true)"
