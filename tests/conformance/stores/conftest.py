"""Every store that the suite runs over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import postgres_server
import pytest
from reference_store import FakeClock

from hotplate.jobs.retention import Retention
from hotplate.jobs.sqlite import SqliteStore
from hotplate.jobs.store import Store

RETENTION = Retention(results_s=100.0, rows_s=1000.0, keys_s=50.0)

OpenStore = Callable[[], Store]
"""Open the same store once more, as a process that starts does."""


@pytest.fixture(params=["sqlite", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> OpenStore:
    if request.param == "postgres":
        if not postgres_server.installed():
            pytest.skip(postgres_server.REASON)
        from hotplate.jobs.postgres import PostgresStore

        url = postgres_server.fresh_database()
        return lambda: PostgresStore(url, retention=RETENTION, clock=clock)
    return lambda: SqliteStore(tmp_path / "jobs.db", retention=RETENTION, clock=clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(open_store: OpenStore):
    opened = open_store()
    yield opened
    opened.close()
