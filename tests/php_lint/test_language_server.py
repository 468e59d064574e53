"""What a language server knows to be wrong without running anything: names that nobody declared, missing arguments."""

import shutil
from pathlib import Path

import pytest

from tests.php_lint.language_server import Finding, LanguageServer
from tests.php_versions.claims import OLDEST_PHP
from tests.testbed.places import REPOSITORY

pytestmark = [pytest.mark.wordpress, pytest.mark.xdist_group("language-server"), pytest.mark.timeout(400)]

STUBS = Path(__file__).resolve().parent / "stubs"

# What is no fault. Every other diagnostic is a failure: undefined functions (P1010), methods (P1013), types (P1009),
# constants (P1011, P1012), properties (P1014), variables (P1008), arguments that are missing (P1005) or of a wrong
# type (P1006), and syntax (P1001).
IGNORED = {
    "P1132": "no type information: what WordPress hands over has none that PHP 7.4 can declare",
    "unknownProperties": "the CSS within templates: mail programs know properties of their own",
}

SAMPLE = """<?php
namespace SmiBridge;

use SmiBridge\\Core\\Sql;

final class Sample {

	const KNOWN = 1;

	public function run(): string {
		nobody_declared_this();
		$this->missing();
		new Missing_Class();
		$words = self::MISSING . MISSING_CONSTANT;
		$words .= $never_set;
		esc_html();
		Sql::no_such_method();
		array_keys( 'no array' );
		return $words . esc_html( 'fine' ) . self::KNOWN . $_SERVER['REQUEST_URI'] . $GLOBALS['wpdb']->prefix;
	}
}
"""


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """The bridge and the sample, in one folder with the stubs."""
    folder = tmp_path_factory.mktemp("language-server")
    shutil.copytree(REPOSITORY / "wp-bridge-plugin", folder / "work" / "smi-bridge")
    shutil.copytree(STUBS, folder / "work" / "stubs")
    (folder / "work" / "sample.php").write_text(SAMPLE)
    with LanguageServer(folder / "work", folder / "storage", f"{OLDEST_PHP}.0") as server:
        return server.findings()


def test_nothing_in_the_bridge_is_undefined(findings: list[Finding]) -> None:
    wrong = [found for found in findings if found.file != "sample.php" and found.code not in IGNORED]
    assert [f"{found.file}:{found.line} {found.words} ({found.code})" for found in wrong] == []


def test_it_finds_what_is_wrong_in_a_sample(findings: list[Finding]) -> None:
    found = {(it.line, it.code) for it in findings if it.file == "sample.php"}
    lines = {number: line for number, line in enumerate(SAMPLE.splitlines(), start=1)}
    expected = {
        "nobody_declared_this": "P1010",
        "$this->missing": "P1013",
        "Missing_Class": "P1009",
        "self::MISSING": "P1012",
        "MISSING_CONSTANT": "P1011",
        "$never_set": "P1008",
        "esc_html();": "P1005",
        "no_such_method": "P1013",
        "no array": "P1006",
    }
    for words, code in expected.items():
        (line,) = (number for number, text in lines.items() if words in text)
        assert (line, code) in found, (words, sorted(found))
    assert {line for line, _ in found} == {number for number, text in lines.items() if any(w in text for w in expected)}
