"""Every failure that a stage can meet stands in the recovery table, and the table has no line about any other."""

from __future__ import annotations

import re

from sidecar.core import errors
from sidecar.workflow.recovery.table import TABLE
from tests.architecture.code import calls, modules, strings

# Raised where no stage of a job catches them: at start-up, at the doors, by the shop, in flush and reconcile.
OUTSIDE_THE_STAGES = {
    "connection_string_damaged",
    "env_unreadable",
    "flag_missing",
    "not_written",
    "start_failed",
    "configuration_invalid",
    "redis_unavailable",
    "recall_later",
    "shop_unavailable",
    "shop_refused",
    "shop_door_missing",
    "shop_walled",
}
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.SidecarError) and kind is not errors.CallerError
}
_CODE = re.compile(r"[a-z]+(_[a-z]+)+\Z")


def ours() -> dict[str, object]:
    return {name: module for name, module in modules().items() if not name.startswith("sandbox")}


def raised() -> set[str]:
    """Codes that stand in a call of one of our errors."""
    found = set()
    for module in ours().values():
        for name, arguments in calls(module.tree):
            if name in KINDS and arguments and arguments[0]:
                found.add(arguments[0])
    return found


def test_every_code_that_is_raised_stands_in_the_table() -> None:
    assert raised() - set(TABLE) - OUTSIDE_THE_STAGES == set()


def test_a_code_that_is_chosen_by_a_variable_stands_in_the_table_too() -> None:
    """Verdicts on words, pictures and headers name their code in a table or an expression of their own."""
    prefixes = ("source_", "result_", "upsampler_", "fetch_", "conversion_", "disk_", "folder_")
    names_of_fields = {"result_url", "source_url", "source_type", "source_path", "source_format", "upsampler_id"}
    for name, module in ours().items():
        if name.startswith(("adapters.images", "adapters.upsampler.verdict", "adapters.fetch", "adapters.sources")):
            words = {text for text in strings(module.tree) if _CODE.match(text) and text.startswith(prefixes)}
            assert words - set(TABLE) - names_of_fields == set(), name


def test_no_line_of_the_table_is_about_a_failure_that_does_not_exist() -> None:
    elsewhere = {
        text for name, module in ours().items() if name != "workflow.recovery.table" for text in strings(module.tree)
    }
    assert set(TABLE) - elsewhere == set()


def test_what_lies_outside_the_stages_is_really_raised() -> None:
    assert raised() >= OUTSIDE_THE_STAGES
