"""The same bad worlds, told act by act by Hypothesis: what it finds, it cuts down to the few acts that it takes."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.workflow.simulation import Simulation, Wrong
from tests.workflow.test_simulation import Planted, no_fence, submit_again_when_in_doubt

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "300"))
DICE = st.integers(0, 2**16)
MILD = st.sampled_from(["work", "round", "tick", "webhook", "wait", "reconcile", "buy", "person", "faults"])
HARSH = st.sampled_from(["flush_all", "restart_redis", "outage", "heal", "lose_or_double_a_task"])


class World(RuleBasedStateMachine):
    """Payments, work, webhooks, people, outages, deaths in any order; then all is well, and it must come out even."""

    Schedule: type[Simulation] = Simulation

    @initialize(seed=DICE)
    def begin(self, seed: int) -> None:
        self.simulation = self.Schedule(seed)
        self.simulation.begin()

    @rule(act=MILD, dice=DICE)
    def goes_on(self, act: str, dice: int) -> None:
        self.simulation.act(act, dice)

    @rule(act=HARSH, dice=DICE)
    def suffers(self, act: str, dice: int) -> None:
        self.simulation.act(act, dice)

    def teardown(self) -> None:
        if hasattr(self, "simulation"):
            self.simulation.end()


def run(world: type[World], examples: int, **how: Any) -> None:
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            **how,
        ),
    )


def test_every_path_ends_and_nothing_happens_twice() -> None:
    run(World, EXAMPLES)


@pytest.mark.parametrize(
    ("part", "method", "bug"),
    [("store", "advance", no_fence), ("upsampler", "submit", submit_again_when_in_doubt)],
)
def test_a_planted_bug_is_found(part: str, method: str, bug: Any) -> None:
    class Flawed(Simulation):
        def _wrap(self, name: str, real: Any) -> Any:
            return super()._wrap(name, Planted(real, method, bug) if name == part else real)

    class FlawedWorld(World):
        Schedule = Flawed

    with pytest.raises((Wrong, BaseExceptionGroup)):
        run(FlawedWorld, 3000, phases=(Phase.generate,))
