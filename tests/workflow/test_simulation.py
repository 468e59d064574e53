"""Four thousand bad worlds (env SIMULATIONS sets how many), and that the check notices what it is there for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.core.errors import UnknownOutcome
from tests.fakes.store import changed
from tests.workflow.simulation import Simulation, Wrong

SIMULATIONS = int(os.environ.get("SIMULATIONS", "4000"))
CHUNKS = 20
SHARE = -(-SIMULATIONS // CHUNKS)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_job_has_its_ending_and_nothing_happens_twice(chunk: int) -> None:
    for seed in range(chunk * SHARE, min(SIMULATIONS, (chunk + 1) * SHARE)):
        Simulation(seed).run()


def test_the_same_seed_gives_the_same_trace() -> None:
    traces = []
    for _ in range(2):
        simulation = Simulation(17)
        simulation.run()
        traces.append(simulation.trace)
    assert traces[0] == traces[1]
    assert any("killed" in line for line in _traces(50)) and any("stalls" in line for line in _traces(50))


def _traces(count: int) -> Iterator[str]:
    for seed in range(count):
        simulation = Simulation(seed)
        simulation.run()
        yield from simulation.trace


# ---------------------------------------------------------------------- planted bugs
class Planted:
    """A part with one method replaced by a faulty one, which gets the part in front; "server.generation" is the method
    of a collaborator."""

    def __init__(self, part: Any, name: str, bug: Any) -> None:
        self._part, self._name, self._bug = part, name, bug

    def __getattr__(self, name: str) -> Any:
        first, _, rest = self._name.partition(".")
        if name == first and rest:
            return Planted(getattr(self._part, name), rest, self._bug)
        if name == first:
            return lambda *args, **kwargs: self._bug(self._part, *args, **kwargs)
        return getattr(self._part, name)


def no_fence(store: Any, job: Any, changes: dict, **how: Any) -> Any:
    """Whoever comes writes, whether or not the claim is still his."""
    known = store.get(job.job_id)
    return store.advance(
        changed(job, {"claim": known.claim, "attempt": known.attempt}) if known else job, changes, **how
    )


def claim_for_ever(store: Any, job_id: str, attempt: int, states: Any, *, lease_s: float) -> Any:
    """A claim never lapses."""
    return store.claim(job_id, attempt, states, lease_s=1e9)


def submit_again_when_in_doubt(upsampler: Any, **order: Any) -> Any:
    try:
        return upsampler.submit(**order)
    except UnknownOutcome:
        return upsampler.submit(**order)


def take_without_booking_again(store: Any, *, limit: int, rebook_s: float) -> Any:
    return store.take_due(limit=limit, rebook_s=1e9)


def answer_every_claim_with_go(shop: Any, messages: Any) -> Any:
    """The sidecar is told to go although the ledger refused."""
    results = shop.send(messages)
    for result in results:
        if result["reason"] == "claimed":
            result |= {"status": "done", "reason": None}
    return results


def forget_to_free(store: Any, job_id: str, **how: Any) -> list[str]:
    return []


def publish_nothing(files: Any, temp: Any, name: str, **about: Any) -> None:
    files.publish(temp, name, **about)
    files.remove(name)


def post_before_writing_down(store: Any, job: Any, changes: dict, **how: Any) -> Any:
    """That we are about to ask is not written down before we ask."""
    return store.advance(
        job, {name: value for name, value in changes.items() if name != "submit_started_at" or not value}, **how
    )


def one_endless_generation(server: Any) -> str:
    """Nobody notices that Redis came back with an old snapshot."""
    return ""


@pytest.mark.parametrize(
    ("part", "method", "bug", "tell_tale"),
    [
        ("store", "advance", no_fence, 150),
        ("store", "advance", post_before_writing_down, 77),
        ("store", "claim", claim_for_ever, 259),
        ("store", "take_due", take_without_booking_again, 268),
        ("store", "free_slot", forget_to_free, 5),
        ("store", "server.generation", one_endless_generation, 161),
        ("upsampler", "submit", submit_again_when_in_doubt, 9),
        ("shop", "send", answer_every_claim_with_go, 0),
        ("files", "publish", publish_nothing, 1),
    ],
)
def test_a_planted_bug_is_noticed(part: str, method: str, bug: Any, tell_tale: int) -> None:
    """`tell_tale`: a seed that has shown the bug; should it not any more, one of the others does."""

    class Flawed(Simulation):
        def _wrap(self, name: str, real: Any) -> Any:
            return super()._wrap(name, Planted(real, method, bug) if name == part else real)

    with pytest.raises(Wrong):
        for seed in (tell_tale, *range(500)):
            Flawed(seed).run()
