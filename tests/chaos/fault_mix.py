"""What Upsampler and the payment provider do wrong, and how often: the sandbox's rules for the next seconds."""

from __future__ import annotations

import random
from typing import Any

# fault -> share of its occasions. Each kind of occasion goes well more often than not, or nothing would ever end.
LIKELY: dict[str, float] = {
    "submit_500": 0.04, "submit_503": 0.02, "submit_429": 0.03, "submit_502": 0.01, "submit_504": 0.01,
    "submit_lost": 0.02, "submit_reset": 0.01, "submit_unreadable": 0.01, "submit_hang": 0.02, "submit_failed": 0.01,
    "submit_413": 0.01, "submit_415": 0.01, "submit_400": 0.005,
    "processing_failed": 0.03, "processing_stuck": 0.01, "processing_slow": 0.05,
    "status_500": 0.04, "status_429": 0.03, "status_404": 0.01, "status_html": 0.02, "status_hang": 0.01,
    "status_reset": 0.03, "status_drip": 0.01,
    "result_truncated": 0.03, "result_cut": 0.03, "result_corrupt": 0.03, "result_html": 0.02, "result_empty": 0.02,
    "result_404": 0.02, "result_403": 0.01, "result_503": 0.03, "result_wrong_dimensions": 0.02,
    "result_wrong_format": 0.01, "result_jpeg": 0.02, "result_blank": 0.01, "result_other": 0.01,
    "result_bomb": 0.005, "result_endless": 0.005, "result_slow": 0.02,
    "webhook_dropped": 0.2, "webhook_doubled": 0.1, "webhook_forged": 0.05, "webhook_early": 0.03,
    "webhook_late": 0.1, "webhook_reordered": 0.05, "webhook_documented": 0.05, "webhook_event": 0.05,
    "webhook_malformed": 0.03,
}  # fmt: skip
_PARAMS: dict[str, dict[str, object]] = {
    "submit_429": {"wait": 1},
    "submit_hang": {"seconds": 3},
    "status_429": {"wait": 1},
    "status_hang": {"seconds": 2},
    "status_drip": {"rate": 30},
    "processing_slow": {"seconds": 3},
    "result_503": {"wait": 1},
    "result_bomb": {"side": 4000},
    "result_slow": {"rate": 200_000},
    "webhook_late": {"seconds": 3},
}
_FOR_GOOD = {"fault": "processing_failed", "probability": 0.01, "params": {"text": "The content violates our policy"}}

# Whole minutes of trouble, for everybody at once.
OUTAGES: dict[str, list[dict[str, Any]]] = {
    "the key is refused": [{"fault": "submit_401"}],
    "credits are used up": [{"fault": "submit_402"}],
    "Upsampler is down": [{"fault": "submit_503"}, {"fault": "status_500"}],
    "too many requests": [{"fault": "submit_429", "params": {"wait": 2}}],
    "no webhook arrives": [{"fault": "webhook_dropped"}],
    "every file is cut": [{"fault": "result_cut"}],
    "files drip": [{"fault": "result_slow", "params": {"rate": 500}}],
    "the API drips": [{"fault": "status_drip", "params": {"rate": 5}}],
}

REFUND_MODES = ("ok", "ok", "ok", "ok", "ok", "error", "lost", "throw", "die")


def usual(chance: random.Random) -> list[dict[str, Any]]:
    """Every fault, each with its probability up to doubled or halved."""
    rules = [
        {"fault": name, "probability": share * chance.uniform(0.5, 2), "params": _PARAMS.get(name, {})}
        for name, share in LIKELY.items()
    ]
    chance.shuffle(rules)  # the first one that strikes a submit decides
    return [*rules, _FOR_GOOD]
