"""One word for each thing, the field's: words that were retired do not come back.

To retire a word, add a line to RETIRED: a regular expression and what is said instead. `(?<![a-z])` and `(?![a-z])`
stand around each, so that `_word` and `word_again` are found, and `password` is not. A name that is stored, or that
programs of others read, is no word of ours: it stands in PUBLIC as it is written there.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache

from tests.testbed.places import REPOSITORY

RETIRED = {
    # the comparison with the ledger
    r"mend(s|ed|ing)?": "fix; reconcile",
    r"sweeps?": "reconcile",
    r"recall(s|ed)?": "restore from the ledger",
    # webhooks, and what people do
    r"knock(s|ed|ing)?": "webhook",
    r"hints\.py|workflow[./]hints": "workflow/webhook.py",
    r"\bby_hand\b": "manual",
    # working memory
    r"standings": "versions",
    r"Onward": "NextStep",
    r"of_this_life|\blife\(\)": "Redis generation",
    r"take_turn": "acquire_interval",
    r"RedisSigns|signs\.py|signs? of life": "heartbeat",
    r"got_through": "clear_after_success",
    r"may_enter": "admit",
    r"probe_every": "probe_interval",
    # attributes of a job
    r"posting": "submit_started_at",
    r"hinted_id": "webhook_upsampler_id",
    r"(job|history|first|second|after)(\([^)]*\))?\.tries": "consecutive_failures",
    r"(job|history)(\([^)]*\))?\.fetches": "bad_results",
    r"(job|history|first|second)(\([^)]*\))?\.crashes": "crash_count",
    r"(job|history)(\([^)]*\))?\.settle": "refund_decision",
    r"resubmits": "resubmissions",
    # the outbox and the work queue
    r"nudg(e[sd]?|ing)": "wake-up",
    r"flushers?": "sender",
    r"work(ed)?[_ ]off": "drain",
    r"begin_rest|lanes? rests?": "batching delay",
    r"RqQueue|adapters[./](queue|alive)": "adapters/workqueue",
    r"stages? `?(deliver|settle)|(deliver|settle)`? stage": "lane",
    # modules of the workflow that have other names now
    r"workflow[./](flush|start)\b": "outbox_sender, shop_replies; admission",
    r"workflow[./](timing|timetable)\b": "time_limits; scheduler",
    r"workflow[./]failure\b|workflow/recovery\.py": "workflow/recovery/",
    r"sources?\.(look|whole|looked_at)|shop_replies\.take": "inspect, full_file, handle",
    # images
    r"ImageFacts|images[./]facts": "ImageInfo, formats",
    # the bridge
    r"couriers?|hang_up_after_next|let_visitor_go": "HTTP client, close_after_next, Request::finish",
    r"(test_)?quirks?": "compat, compatibility",
    r"early[_-]door": "Early_Endpoint",
    r"story|stories": "history",
    r"(::|->|def |function |self\._?)(tell|told)(_[a-z_]*)?": "record, report, send, mail",
    r"Answers::(arrive|keep)": "Idempotency::begin, finish",
    r"Circuit::": "Circuit_Breaker",
    r"In the works|no longer in its place": "In progress, Photo not found",
    r"(is|waits?|waiting|next|number %s) in line": "Waiting to start; in the queue",
    # tests and measurements
    r"tills?": "payment stub",
    r"bench[./]apart|run_apart": "subprocesses",
    r"weather": "fault mix",
    r"blows?": "fault injection",
    r"reckon(s|ed|ing)?": "invariants; summary",
    r"forger": "forged webhooks",
    r"scenery": "sample shop",
    r"faces?|\* visitors?:": "entry point; ui; endpoint",
}

# Names that are stored or read by programs; each is taken out of a line before the line is judged.
PUBLIC = (
    "smi:nudged",
    '"nudged", "rests"',  # kinds of keys of 1.0.0
    "smi:<site>:nudged",
    "smi:rests",
    "smi:<site>:rests",
    "smi:turn:sweep",
    '"task": "sweep"',  # a log field
    "job.mended",  # a log event
    "smi_bridge_keep_story_days",  # a filter
    '"story"',  # a field of the REST API and of the console's JSON
    "'story'",
    "reason, story",  # an option
    "status.recall",  # a log event
    "recall_later",  # a reason
    "failed_by_hand",  # a reason
    '"mended"',  # the console's JSON
    '"mend"',
    "'mend'",
    '"posting": "5", "hinted_id": "u-1"',  # a hash of 1.0.0
    '"resubmits": "1"',
)

# Files that may tell of the past, or hold names that are stored.
ALLOWED = ("CHANGELOG.md", "sidecar/core/stored_names.py", "tests/architecture/test_vocabulary.py")
ROOTS = ("sidecar", "bench", "tests", "docs", "deploy", "wp-bridge-plugin", ".ci", "Makefile", "pyproject.toml")
ROOTS += ("README.md", "CONTRIBUTING.md", "SECURITY.md")
# Sentences that people read stand in the JSON of schemas/.
NO_PROSE = re.compile(
    r"\.(png|jpg|zip|mo|po|pot|lock|svg|ico|woff2?)\Z|\Atests/vectors/|\A(?!wp-bridge-plugin/schemas/).*\.json\Z"
)


@cache
def lines() -> list[tuple[str, int, str]]:
    """(path, number, text) of every line, and of every path as line 0."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ROOTS],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = []
    for path in filter(None, listed.stdout.split("\0")):
        file = REPOSITORY / path
        if path in ALLOWED or NO_PROSE.search(path) or not file.is_file():
            continue
        found += [(path, number, _judged(text)) for number, text in enumerate([path, *file.read_text().splitlines()])]
    return found


def _judged(line: str) -> str:
    for name in PUBLIC:
        line = line.replace(name, "")
    return line


def places() -> list[tuple[str, str]]:
    """(word, place) of every retired word, in one pass over all lines."""
    words = {word: re.compile(rf"(?<![a-z])(?:{word.lower()})(?![a-z])") for word in RETIRED}
    any_word = re.compile(rf"(?<![a-z])(?:{'|'.join(words).lower()})(?![a-z])")
    return [
        (word, f"{path}:{number}: {text.strip()[:120]}")
        for path, number, text in lines()
        if any_word.search(lowered := text.lower())
        for word, pattern in words.items()
        if pattern.search(lowered)
    ]


def test_no_retired_word_comes_back() -> None:
    found: dict[str, list[str]] = {}
    for word, place in places():
        found.setdefault(word, []).append(place)
    told = [f"say “{RETIRED[word]}”:\n" + "\n".join(at[:20]) for word, at in found.items()]
    assert not told, "\n".join(told)


def test_each_retired_word_would_be_found() -> None:
    """A pattern is matched against lower case: none may ask for a capital."""
    for word in RETIRED:
        assert not re.search(r"\\[A-Z]|\[[^]]*[A-Z]", word), word


def test_the_words_are_looked_for_where_they_would_stand() -> None:
    paths = {path for path, _, _ in lines()}
    assert "wp-bridge-plugin/schemas/view.json" in paths
    for root in ROOTS:
        assert any(path == root or path.startswith(f"{root}/") for path in paths), root


def test_the_words_of_the_field_that_we_use_stand_in_the_glossary() -> None:
    terms = (REPOSITORY / "docs" / "how-it-works.md").read_text().partition("## Terms")[2].partition("\n## ")[0]
    explained = set(", ".join(re.findall(r"^\| \*\*([^*]+)\*\* \|", terms, re.MULTILINE)).split(", "))
    words = ("history", "webhook", "heartbeat", "wake-up", "manual", "endpoint", "idempotency record", "HTTP client")
    words += ("effect", "slot", "probe", "claim", "lease", "reconcile", "hold", "outbox", "lane", "transfer", "token")
    assert [word for word in words if word not in explained] == []
