from __future__ import annotations

import errno
import sqlite3
import threading

import pytest

from hotplate.control.database import Database
from hotplate.control.ledger import MAX_TEXT, TRIM_EVERY, record_change, record_event
from hotplate.control.schema import MIGRATIONS
from hotplate.control.storage import told
from hotplate.errors import DiskFull, PlatformError


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "control.db")
    yield opened
    opened.close()


def test_what_is_confirmed_is_on_disk(database):
    assert database.row("PRAGMA journal_mode")[0] == "wal"
    assert database.row("PRAGMA synchronous")[0] == 2  # FULL
    assert database.row("PRAGMA foreign_keys")[0] == 1


def test_a_new_file_has_every_migration_and_opening_it_again_changes_nothing(tmp_path):
    for _ in range(2):
        database = Database(tmp_path / "control.db")
        assert database.row("PRAGMA user_version")[0] == len(MIGRATIONS)
        database.close()
    assert (tmp_path / "control.db").stat().st_mode & 0o077 == 0


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "control.db") as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    with pytest.raises(PlatformError, match="newer Hotplate"):
        Database(tmp_path / "control.db")


def test_a_transaction_is_all_or_nothing_also_around_another(database):
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.run("INSERT INTO volumes VALUES ('a', 1)")
        with database.transaction():
            database.run("INSERT INTO volumes VALUES ('b', 1)")
        raise ZeroDivisionError
    assert database.rows("SELECT * FROM volumes") == []
    with database.transaction():
        database.run("INSERT INTO volumes VALUES ('c', 1)")
    assert [row["name"] for row in database.rows("SELECT name FROM volumes")] == ["c"]


def test_threads_take_turns(database):
    database.run("INSERT INTO meta VALUES ('number', 0)")

    def work():
        for _ in range(50):
            with database.transaction():
                number = database.row("SELECT value FROM meta")[0]
                database.run("UPDATE meta SET value = ?", (number + 1,))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.row("SELECT value FROM meta")[0] == 200


def test_events_and_the_audit_log_are_bounded(database, monkeypatch):
    monkeypatch.setattr("hotplate.control.ledger.MAX_EVENTS", 100)
    monkeypatch.setattr("hotplate.control.ledger.MAX_AUDIT", 100)
    with database.transaction():
        for number in range(TRIM_EVERY):
            record_event(database, "e", "kind", "x" * (MAX_TEXT + 1) if number == TRIM_EVERY - 1 else "x")
            record_change(database, "t", "action", "s")
    for table in ("events", "audit"):
        assert database.row(f"SELECT count(*) FROM {table}")[0] == 100
    assert len(database.row("SELECT details FROM events ORDER BY id DESC")[0]) == MAX_TEXT


def test_a_full_disk_is_told_and_nothing_is_half_done(database):
    pages = database.row("PRAGMA page_count")[0]
    database.row(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError) as caught, database.transaction():
        database.run("INSERT INTO volumes VALUES ('a', 1)")
        database.run("INSERT INTO volumes VALUES (?, 1)", ("x" * 1_000_000,))
    assert isinstance(told(caught.value), DiskFull)
    assert database.rows("SELECT * FROM volumes") == []
    database.row("PRAGMA max_page_count = 100000")
    database.run("INSERT INTO volumes VALUES ('a', 1)")


def test_a_full_disk_is_told_by_its_number_and_nothing_else_is():
    assert isinstance(told(OSError(errno.ENOSPC, "full")), DiskFull)
    assert told(OSError(errno.EACCES, "closed")) is None
    assert told(ValueError()) is None
