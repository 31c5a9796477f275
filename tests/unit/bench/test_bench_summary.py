from __future__ import annotations

import pytest

from bench import summary
from bench.records import Sample


def sample(system: str, number: int, rate: float, *, quiet: bool = True) -> Sample:
    return Sample(workload="hello", variant="", system=system, round=number, values={"rate": rate}, quiet=quiet)


def test_a_ratio_is_taken_inside_a_round_and_then_the_median() -> None:
    # Medians of each alone would give 20/10 = 2; inside the rounds it is 1, 2 and 4.
    ours = [sample("a", 1, 10), sample("a", 2, 20), sample("a", 3, 400)]
    theirs = [sample("b", 1, 10), sample("b", 2, 10), sample("b", 3, 100)]
    found = summary.paired([*ours, *theirs], "hello", "", "rate", "a", ("b",))
    assert found == summary.Spread(median=2, low=1, high=4, count=3)


@pytest.mark.parametrize(("higher", "expected"), [(True, 10 / 8), (False, 10 / 4)])
def test_of_several_references_the_best_of_the_round_counts(higher: bool, expected: float) -> None:
    samples = [sample("a", 1, 10), sample("b", 1, 4), sample("c", 1, 8)]
    found = summary.paired(samples, "hello", "", "rate", "a", ("b", "c"), higher_is_better=higher)
    assert found is not None
    assert found.median == expected


def test_noisy_windows_are_left_out_while_half_of_them_were_quiet() -> None:
    samples = [sample("a", 1, 10), sample("a", 2, 12), sample("a", 3, 99, quiet=False)]
    assert summary.of(samples, "hello", "", "a", "rate") == summary.Spread(median=11, low=10, high=12, count=2)


def test_mostly_noisy_windows_count_all_and_say_so() -> None:
    samples = [sample("a", 1, 10), sample("a", 2, 20, quiet=False), sample("a", 3, 30, quiet=False)]
    assert summary.of(samples, "hello", "", "a", "rate") == summary.Spread(
        median=20, low=10, high=30, count=3, quiet=False
    )


def test_a_pair_is_noisy_where_the_reference_was() -> None:
    samples = [sample("a", 1, 10), sample("b", 1, 5, quiet=False)]
    found = summary.paired(samples, "hello", "", "rate", "a", ("b",))
    assert found is not None
    assert not found.quiet


def test_rounds_without_the_reference_give_no_ratio() -> None:
    assert summary.paired([sample("a", 1, 10), sample("b", 2, 5)], "hello", "", "rate", "a", ("b",)) is None
