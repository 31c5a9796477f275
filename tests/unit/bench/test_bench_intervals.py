from __future__ import annotations

import random

import pytest

from bench.intervals import interval, left_out


@pytest.mark.parametrize(("count", "left"), [(1, 0), (5, 0), (6, 0), (7, 2), (8, 3), (10, 8), (12, 13), (20, 52)])
def test_as_many_means_are_left_out_as_the_tables_of_signed_ranks_say(count: int, left: int) -> None:
    assert left_out(count) == left


def test_one_odd_value_moves_neither_the_middle_nor_its_bounds_far() -> None:
    values = [1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0] * 2
    found = interval([*values, 1000.0])
    assert found.middle == pytest.approx(1.0, abs=0.06)
    assert 0.85 < found.low <= found.middle <= found.high < 1.2


def test_the_bounds_hold_the_true_middle_nineteen_times_of_twenty() -> None:
    chance = random.Random(7)
    held = 0
    for _ in range(600):
        found = interval([chance.gauss(0.7, 1.5) for _ in range(10)])
        held += found.low <= 0.7 <= found.high
    assert 0.92 < held / 600 < 0.985


def test_more_pairs_make_it_narrower() -> None:
    chance = random.Random(7)
    values = [chance.gauss(0.0, 1.0) for _ in range(40)]
    few, many = interval(values[:10]), interval(values)
    assert many.high - many.low < (few.high - few.low) * 0.75
