"""Two servers on one PostgreSQL, each killed -9 as a whole in turn while both are given jobs and calls."""

from __future__ import annotations

import os
import random
from pathlib import Path

import postgres_server
import pytest
from job_plan import Plan
from job_shared_rig import VICTIMS, SharedRig

from tests.fault.jobs.test_no_job_is_lost_whatever_is_killed import driven

pytestmark = [
    pytest.mark.skipif(not postgres_server.installed(), reason=postgres_server.REASON),
    pytest.mark.xdist_group("shared"),
]


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedRig:
    """Two `hotplate up` with one database and an endpoint that begins at zero."""
    rig = SharedRig(tmp_path)
    for name, value in rig.environment.items():
        monkeypatch.setenv(name, value)
    return rig


def struck(rig: SharedRig, victim: str) -> set[int]:
    return {each.blow.server for each in rig.struck if each.blow.victim == victim}


@pytest.mark.timeout(400)
def test_nothing_is_lost_while_both_servers_are_killed_in_turn(hosts):
    plan = Plan(int(os.environ.get("HOTPLATE_SEED", "3")), seconds=40, blow_mean_s=2.0, victims=VICTIMS)
    counted = driven(hosts, plan)
    assert struck(hosts, "server") == {0, 1}, "both servers are killed"
    assert counted["acknowledged"] >= 40 * 49
    assert counted["run again"] > 0, "no blow hit a running job: the test shows nothing"


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_nothing_is_lost_for_long_the_database_among_what_is_stopped(hosts):
    seconds = float(os.environ.get("HOTPLATE_SOAK_S", "700"))
    seed = int(os.environ.get("HOTPLATE_SEED", random.randrange(10**6)))
    counted = driven(hosts, Plan(seed, seconds, blow_mean_s=3.0, victims=(*VICTIMS, "database")))
    assert struck(hosts, "server") == {0, 1} and struck(hosts, "database")
    assert counted["acknowledged"] >= seconds * 49
