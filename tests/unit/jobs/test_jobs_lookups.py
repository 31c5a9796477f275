"""What a store is asked again and again does not grow with the jobs that have ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import postgres_server
import pytest

from hotplate.jobs.records import TRANSITIONS, Filter, NewJob
from hotplate.jobs.sqlite import SqliteStore

ROWS = 4_000
LIMIT = 20
COLUMNS = "endpoint, id, method, path, state, priority, run_at, keep_until, created_at, origin"
OF_EACH = f"""INSERT INTO job ({COLUMNS})
    SELECT 'm', '{{state}}' || n, 'POST', '/infer', '{{state}}', 3, 0, {{keep}}, 0.0, 'http' FROM {{numbers}}"""
"""So many finished and waiting jobs, and of each state one that is older than all of them."""
FILTERS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "all": ({}, {"job_listed"}),
    "a page": ({"before": 1000}, {"job_listed"}),
    "a route": ({"path": "/none"}, {"job_listed"}),
    "an origin": ({"origin": "cortex"}, {"job_listed"}),
    **{
        state: (
            {"states": (state,)},
            {"job_ended" if state in ("completed", "failed", "cancelled") else f"job_{state}"},
        )
        for state in TRANSITIONS
    },
    "what has not ended": (
        {"states": ("queued", "retrying", "running")},
        {"job_queued", "job_retrying", "job_running"},
    ),
    "failed ones of a route": ({"states": ("failed", "dead"), "path": "/none"}, {"job_ended", "job_dead"}),
    "those of several endpoints": ({"others": ("n", "o"), "states": ("failed",)}, {"job_ended"}),
}


def fill(run: Any, numbers: str) -> None:
    for state in TRANSITIONS:
        run(OF_EACH.format(state=state, keep="NULL", numbers=numbers.format(1)))
    for state, keep in (("completed", "1"), ("cancelled", "1"), ("queued", "NULL")):
        run(OF_EACH.format(state=state, keep=keep, numbers=numbers.format(ROWS // 2)).replace("|| n", "|| n || 'x'"))


@pytest.fixture
def store(tmp_path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "jobs.db")
    yield opened
    opened.close()


def connection_of(store: SqliteStore) -> sqlite3.Connection:
    return next(each for each in vars(store).values() if isinstance(each, sqlite3.Connection))


def test_counting_what_waits_and_runs_goes_through_no_finished_job(store):
    store.begin()
    store.submit(NewJob(id="one", endpoint="m", method="POST", path="/"), 9)
    store.commit()
    asked: list[str] = []
    connection = connection_of(store)
    connection.set_trace_callback(asked.append)
    assert store.depth("m").waiting == 1
    store.held()
    connection.set_trace_callback(None)
    asked = [text for text in asked if text.startswith("SELECT")]
    assert len(asked) == 6
    for text in asked:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}"))
        assert not any(index in plan for index in ("job_by_id", "job_listed")), (text, plan)
        assert any(index in plan for index in ("job_queued", "job_retrying", "job_running", "job_dead")), (text, plan)


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path_factory.mktemp("filled") / "jobs.db")
    series = "(WITH RECURSIVE s(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM s WHERE n < {}) SELECT n FROM s)"
    opened.begin()
    fill(connection_of(opened).execute, series)
    opened.commit()
    yield opened
    opened.close()


@pytest.mark.parametrize("which", FILTERS)
def test_a_page_of_a_list_is_found_by_an_index_whatever_it_is_filtered_by(filled, which):
    wanted, indexes = FILTERS[which]
    asked: list[str] = []
    connection = connection_of(filled)
    connection.set_trace_callback(asked.append)
    found = filled.list(Filter(endpoint="m", limit=LIMIT, **wanted))
    connection.set_trace_callback(None)
    assert all(job.state in wanted.get("states", TRANSITIONS) for job in found)
    used: set[str] = set()
    for text in asked:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
        assert not any(step.startswith("SCAN job") for step in plan), plan
        used |= {step.split(" INDEX ")[1].split()[0] for step in plan if step.startswith("SEARCH job")}
    assert used == indexes
    if "path" in wanted or "origin" in wanted:
        return  # all entries of an index are looked at, and no row
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection.set_progress_handler(count, 100)
    filled.list(Filter(endpoint="m", limit=LIMIT, **wanted))
    connection.set_progress_handler(None, 0)
    assert steps * 100 < 2 * ROWS, "it went through the finished ones"


def test_postgresql_finds_a_page_by_an_index_too():
    if not postgres_server.installed():
        pytest.skip(postgres_server.REASON)
    from hotplate.jobs import postgres

    url = postgres_server.fresh_database()
    store = postgres.PostgresStore(url)
    asked: list[tuple[str, Any]] = []
    with postgres.connect(url) as other:
        fill(lambda text: other.execute(text.encode()), "generate_series(1, {}) AS s(n)")
        other.execute("ANALYZE job")
        run = store._run
        for which, (wanted, _) in FILTERS.items():
            if "path" in wanted:
                continue  # may be longer than what an index may hold
            store._run = lambda text, values=(): (asked.append((text, values)), run(text, values))[1]
            store.list(Filter(endpoint="m", limit=LIMIT, **wanted))
            for text, values in asked:
                explained = other.execute(f"EXPLAIN {text}".replace("?", "%s").encode(), values).fetchall()
                plan = "\n".join(row[0] for row in explained)
                assert "Seq Scan" not in plan, (which, plan)
            asked.clear()
    store.close()
