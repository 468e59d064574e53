"""A page offers what the bridge does, state by state: nothing offered is refused, and nothing refused is offered."""

import pytest

from sidecar.core.states import STATES
from tests.bridge.conftest import Bridge

ACTIONS = ("retry", "cancel", "refund", "resend", "renew", "mark_refunded")
UNDER_WAY = {state: {"cancel", "refund"} for state in ("paid", "submitting", "submitted", "enlarged", "stored")}
OFFERED: dict[tuple[str, str | None], set[str]] = {(state, None): actions for state, actions in UNDER_WAY.items()} | {
    ("refunding", "source_gone"): set(),
    ("delivered", None): {"resend", "renew", "retry", "refund"},
    ("refunded", "source_gone"): {"retry", "resend"},
    ("review", "upsampler_silent"): {"retry", "refund", "resend"},
    ("review", "stopped"): {"retry", "refund", "resend"},
    ("review", "refund_due"): {"refund", "mark_refunded", "retry", "resend"},
}
# What is done when somebody asks for it by name, and not offered everywhere.
ONLY_BY_NAME = {
    "cancel": {"review"},  # a late result does not end the review any more
    "mark_refunded": set(STATES),  # a person knows better than the ledger where the money is
    "refund": {"refunded"},  # the answer says that the money is back already
}


def test_every_state_is_in_the_table() -> None:
    assert {state for state, _ in OFFERED} == set(STATES)


@pytest.mark.parametrize(("state", "reason"), OFFERED)
def test_what_is_offered_is_done_and_what_is_not_is_refused(bridge: Bridge, state: str, reason: str | None) -> None:
    jobs = {action: bridge.bought(state, reason=reason) for action in ACTIONS}
    if state == "refunding":
        for job_id in jobs.values():  # the payment's one refund is under way
            bridge.shop.sql(
                "INSERT INTO wp_smi_bridge_effects (job_id, attempt, effect, claimed_at) "
                "VALUES (%s, 0, 'refund', UTC_TIMESTAMP())",
                job_id,
            )
    said = bridge.shop.php_json(
        "return array_map(fn($job) => SmiBridge\\Jobs\\Allowed_Actions::possible("
        f"SmiBridge\\Ledger\\Ledger::newest($job)), {sorted(jobs.values())!r});"
    )
    assert [set(actions) for actions in said] == [OFFERED[state, reason]] * len(ACTIONS)
    done = bridge.shop.php_json(
        "$done = []; foreach (["
        + ", ".join(f"'{action}' => '{job_id}'" for action, job_id in jobs.items())
        + "] as $action => $job) { $done[$action] = SmiBridge\\Jobs\\Actions::run($action, $job); } return $done;"
    )
    for action, answer in done.items():
        is_done = action in OFFERED[state, reason] or state in ONLY_BY_NAME.get(action, ())
        assert answer["ok"] is is_done, (action, answer)
