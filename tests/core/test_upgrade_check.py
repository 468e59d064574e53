"""What `upgrade-check` and `status` say of the two versions."""

from __future__ import annotations

from sidecar.cli.operate import _versions
from sidecar.cli.upgrade import RENEW, compared, in_words
from sidecar.core.advice import advice
from sidecar.core.version import VERSION

MAJOR, MINOR, _ = (int(number) for number in VERSION.split("."))
NEXT, FAR = f"{MAJOR}.{MINOR + 1}.0", f"{MAJOR}.{MINOR + 2}.0"


def test_the_same_version_works_together_and_nothing_is_to_renew() -> None:
    assert in_words(VERSION) == f"Bridge {VERSION} and sidecar {VERSION} work together."
    assert compared(VERSION) == {"sidecar": VERSION, "bridge": VERSION, "compatible": True}


def test_one_minor_version_apart_works_and_the_older_one_is_named() -> None:
    assert in_words(NEXT).splitlines() == [
        f"Bridge {NEXT} and sidecar {VERSION} work together.",
        "The sidecar is the older one:",
        f"    {RENEW['sidecar']}",
    ]


def test_two_minor_versions_apart_is_said_in_the_catalogues_words() -> None:
    said = in_words(FAR)
    assert said.startswith(advice("versions_apart", bridge=FAR, sidecar=VERSION).sentence)
    assert compared(FAR)["compatible"] is False
    assert "do not fit" in _versions(compared(FAR))


def test_a_bridge_that_was_not_reached_is_not_said_to_differ() -> None:
    assert compared(None)["compatible"] is None
    assert _versions(compared(None)) == f"sidecar {VERSION}, bridge not reached"
