"""What is made of the windows of *dashboard*."""

from __future__ import annotations

import pytest

from bench.workloads.dashboard import Reading, Window, between, figures


def window(watched: bool, served_us: float, control_share: float, foreign_cores: float = 0.0) -> Window:
    requests, seconds = 10_000.0, 4.0
    return Window(
        watched=watched,
        seconds=seconds,
        requests=requests,
        control_s=control_share * seconds,
        others_s=served_us * requests / 1e6,
        foreign_cores=foreign_cores,
    )


def pairs(*drift: float, foreign_cores: float = 0.0) -> list[Window]:
    """Pairs that begin with either in turn, on a machine that is now faster, now slower."""
    made: list[Window] = []
    for number, factor in enumerate(drift):
        pair = [window(False, 100 * factor, 0.001), window(True, 101 * factor, 0.009, foreign_cores)]
        made += reversed(pair) if number % 2 else pair
    return made


def test_the_cost_is_that_of_control_and_of_the_server_whatever_the_machine_does_from_pair_to_pair() -> None:
    values, quiet = figures(pairs(1.0, 1.5, 0.8, 1.0, 2.0, 1.1))
    assert quiet
    assert values["served_percent"] == pytest.approx(1.0)
    assert values["control_percent"] == pytest.approx(0.9)
    assert values["control_alone_percent"] == pytest.approx(0.1)
    assert values["cost_low"] <= values["cost_percent"] <= values["cost_high"]
    assert 1.5 < values["cost_percent"] < 7  # of 1 s of calls in 4 s; control's share weighs more in that


def test_noisy_pairs_do_not_count_unless_most_are_noisy() -> None:
    still = pairs(1.0, 1.0, 1.0)
    values, quiet = figures([*still, window(False, 100, 0), window(True, 900, 0, foreign_cores=0.5)])
    assert quiet and values["pairs"] == 3
    assert values["served_percent"] == pytest.approx(1.0)
    values, quiet = figures(pairs(1.0, 1.0, foreign_cores=0.5))
    assert not quiet and values["pairs"] == 2


def test_a_window_has_what_its_processes_ran_those_that_came_meanwhile_too() -> None:
    before = Reading(10.0, 5.0, 4.0, 100.0, {1: 1.0, 2: 2.0}, frozenset({2}))
    after = Reading(14.0, 9.0, 7.5, 500.0, {1: 3.0, 2: 2.25, 3: 0.5}, frozenset({2}))
    found = between(before, after, watched=True)
    assert (found.seconds, found.requests, found.control_s, found.others_s) == (4.0, 400.0, 0.25, 2.5)
    assert found.cpu_us == pytest.approx(2.75 / 400 * 1e6)
    assert found.served_us == pytest.approx(2.5 / 400 * 1e6)
    assert found.foreign_cores == pytest.approx(0.5 / 4)
