"""A server that dies exactly at a step of its work with jobs, at each of them."""

from __future__ import annotations

import os
import shutil

import pytest
from crash_run import CrashRun, nth_of
from job_faults import POINTS

SAMPLE = [
    "SqliteStore.submit:after",
    "SqliteStore.commit:before",
    "SqliteStore.commit:after",
    "SqliteStore.lease:after",
    "SqliteStore.finish:after",
    "Runner._start:after",
    "Blobs.put:after",
]


@pytest.mark.parametrize("point", SAMPLE)
def test_a_server_that_dies_at_any_step_loses_nothing(point, tmp_path):
    CrashRun(point, 3, tmp_path).run()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("point", POINTS)
def test_a_server_that_dies_at_every_step_twenty_times_loses_nothing(point, tmp_path):
    """HOTPLATE_RUNS makes it fewer times."""
    for run in range(int(os.environ.get("HOTPLATE_RUNS", "20"))):
        CrashRun(point, nth_of(point, run), tmp_path / str(run)).run()
        shutil.rmtree(tmp_path / str(run))


def test_there_are_enough_points():
    assert len(set(POINTS)) >= 25
    assert set(SAMPLE) <= set(POINTS)
