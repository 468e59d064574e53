"""The catalogue of advice and the rule about versions, as PHP reads them: the same as Python does."""

import html
import json

import pytest

from sidecar.cli.checks import Finding
from sidecar.cli.doctor import in_lines
from sidecar.cli.setup.command import say
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


@newest_only
def test_every_place_shows_an_entry_in_the_same_words(bridge: Bridge, capsys: pytest.CaptureFixture[str]) -> None:
    """Setup, doctor, settings page, first steps and Site Health: what each of them makes of each entry."""
    said = bridge.shop.php_json(
        f"$facts = {_php(FACTS)}; $codes = array_keys(SmiBridge\\Core\\Advice::catalogue());"
        "$of = fn($class, $do) => Closure::bind($do, null, $class);"
        "$found = $of(SmiBridge\\Health\\Connection_Test::class, fn($c) => self::fault('php', $c, $facts));"
        "$health = $of(SmiBridge\\Health\\Site_Health::class,"
        " fn($f) => self::result('doors', 'good', '', self::sentence($f['text'], $f['detail'], $f['fix'])));"
        "require_once SMI_BRIDGE_DIR . 'admin/class-first-run-page.php';"
        "$step = $of(SmiBridge\\Admin\\First_Run_Page::class,"
        " fn($c) => self::step('folder', false, SmiBridge\\Core\\Advice::of($c, $facts))['advice']);"
        "return array_map(fn($c) => array($found($c), $health($found($c))['description'], $step($c)), $codes);"
    )
    for code, (finding, description, step) in zip(CATALOGUE, said, strict=True):
        words = advice(code, **FACTS)
        entry = (words.sentence, words.command)
        assert (finding["text"], finding["fix"]) == entry, code
        assert html.unescape(description) == f"<p>{words.sentence} → {words.command}</p>"
        assert (step["sentence"], step["command"]) == entry
        say((words,), "")
        assert f"{words.sentence}\n    {words.command}\n" in capsys.readouterr().out
        shown = in_lines(Finding("x", False, "found", "another remedy", words))
        assert (
            shown.endswith(f"\n      → {words.sentence}\n        $ {words.command}") and "another remedy" not in shown
        )


def _php(values: dict[str, str]) -> str:
    return "json_decode('" + json.dumps(values) + "', true)"
