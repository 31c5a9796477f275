"""Every released schema is brought up to date with its rows, whatever version wrote it."""

from __future__ import annotations

import sqlite3

import postgres_server
import pytest

from hotplate.errors import PlatformError
from hotplate.jobs import schema
from hotplate.jobs.records import NewJob, Outcome
from hotplate.jobs.sqlite import SqliteStore

FIRST = schema.STEPS[:1]


def test_jobs_of_the_first_schema_are_still_there(tmp_path, monkeypatch):
    path = tmp_path / "jobs.db"
    old = sqlite3.connect(path, isolation_level=None)
    monkeypatch.setattr(schema, "STEPS", FIRST)
    schema.migrate(old)
    old.execute(
        "INSERT INTO job (endpoint, id, method, path, state, priority, run_at, created_at, origin)"
        " VALUES ('m', 'old', 'POST', '/infer', 'queued', 3, 0, 0.0, 'http')"
    )
    old.execute("INSERT INTO input (seq, meta, blob, body_bytes, body) VALUES (1, x'', '', 2, x'7b7d')")
    old.close()
    monkeypatch.undo()
    store = SqliteStore(path)
    store.begin()
    (lease,) = store.lease("m", "me", 5)
    store.commit()
    assert (lease.id, lease.body) == ("old", b"{}")
    job = store.get("m", "old")
    assert job is not None and (job.state, job.caller) == ("running", "")
    assert store.finish(lease.fence, Outcome(state="completed"))
    assert store.deliveries("m") == []
    store.close()


def test_a_postgresql_database_of_the_first_schema_is_brought_up_to_date(monkeypatch):
    if not postgres_server.installed():
        pytest.skip(postgres_server.REASON)
    from hotplate.jobs import postgres

    url = postgres_server.fresh_database()
    monkeypatch.setattr(postgres, "STEPS", postgres.STEPS[:1])
    postgres.PostgresStore(url).close()
    with postgres.connect(url) as old:
        old.execute(
            "INSERT INTO job (endpoint, id, method, path, state, priority, run_at, created_at, origin)"
            " VALUES ('m', 'old', 'POST', '/infer', 'queued', 3, 0, 0.0, 'http')"
        )
        old.execute("INSERT INTO input (seq, meta, blob, body_bytes, body) VALUES (1, '', '', 2, '{}')")
    monkeypatch.undo()
    for _ in range(2):  # the second one finds it done
        store = postgres.PostgresStore(url)
        job = store.get("m", "old")
        assert job is not None and (job.state, job.caller) == ("queued", "")
        store.close()


def test_opening_twice_changes_nothing(tmp_path):
    for number in range(2):
        store = SqliteStore(tmp_path / "jobs.db")
        store.begin()
        store.submit(NewJob(id=str(number), endpoint="m", method="POST", path="/"), 9)
        store.commit()
        store.close()
    db = sqlite3.connect(tmp_path / "jobs.db")
    assert db.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)
    db.close()


def test_a_step_that_fails_leaves_the_old_schema(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "STEPS", (*FIRST, ("CREATE TABLE more (a)", "NO SQL AT ALL")))
    db = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(db)
    assert db.execute("PRAGMA user_version").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    db.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    db = sqlite3.connect(tmp_path / "jobs.db")
    db.execute("PRAGMA user_version = 999")
    db.close()
    with pytest.raises(PlatformError, match="newer"):
        SqliteStore(tmp_path / "jobs.db")
