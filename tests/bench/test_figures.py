"""The arithmetic of the figures: medians, spreads, pairs, goals."""

from __future__ import annotations

import pytest

from bench.figures import at_least, at_most, figure, interleaved, percentile, ratio_at_least, ratio_at_most


def test_a_figure_is_the_median_of_its_runs_with_their_spread() -> None:
    found = figure("a", "ms", [10.0, 30.0, 20.0, 21.0, 19.0])
    assert (found.value, found.runs, found.spread) == (20.0, 5, 1.0)


def test_a_ratio_is_the_median_over_the_pairs_not_the_ratio_of_the_medians() -> None:
    """A machine that is slow for a while is slow for both of a pair."""
    found = figure("a", "s", [1.0, 10.0, 1.0], baseline=[2.0, 20.0, 4.0])
    assert found.ratio == 0.5
    assert found.baseline == 4.0


def test_a_baseline_too_small_to_be_seen_gives_no_ratio_and_meets_no_goal() -> None:
    found = figure("a", "ms", [1.0, 2.0], ratio_at_most(2), baseline=[0.0, 0.0])
    assert found.ratio is None
    assert not found.met
    assert "beside 0" in str(found)


def test_a_pair_whose_baseline_can_not_be_seen_does_not_count() -> None:
    assert figure("a", "ms", [1.0, 6.0], baseline=[0.0, 2.0]).ratio == 3.0


def test_a_speed_up_turns_the_ratio_round() -> None:
    assert figure("a", "ms", [2.0], baseline=[1000.0], speed_up=True).ratio == 500.0


@pytest.mark.parametrize(
    ("goal", "value", "ratio", "met"),
    [
        (at_most(5), 5.0, None, True),
        (at_most(5), 5.01, None, False),
        (at_least(0.9), 0.9, None, True),
        (at_least(0.9), 0.89, None, False),
        (ratio_at_least(1.5), 0.0, 1.5, True),
        (ratio_at_least(1.5), 99.0, 1.49, False),
        (ratio_at_most(1.1), 99.0, 1.1, True),
        (ratio_at_most(1.1), 0.0, 1.11, False),
        (ratio_at_most(1.1), 0.0, None, False),
    ],
)
def test_a_goal_is_held_against_the_number_that_it_speaks_of(goal, value, ratio, met) -> None:
    assert goal.met_by(value, ratio) is met


def test_a_figure_without_a_goal_is_met() -> None:
    assert figure("a", "ms", [1.0]).met


def test_pairs_take_turns_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []

    def kind(name: str):
        def measure() -> int:
            order.append(name)
            return len(order)

        return measure

    first, second = interleaved(2, kind("a"), kind("b"))
    assert order == ["b", "a", "a", "b", "b", "a"]
    assert (first, second) == ([3, 6], [4, 5])


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(list(range(1, 101)), share) == value


def test_the_99th_percentile_of_few_values_is_the_largest() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
