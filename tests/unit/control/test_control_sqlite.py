from __future__ import annotations

import errno
import sqlite3

import pytest

from hotplate.control.sqlite import SqliteDatabase
from hotplate.control.sqlite_schema import MIGRATIONS
from hotplate.control.storage import told
from hotplate.errors import DiskFull, PlatformError, Unavailable


@pytest.fixture
def database(tmp_path):
    opened = SqliteDatabase(tmp_path / "control.db")
    yield opened
    opened.close()


def test_what_is_confirmed_is_on_disk(database):
    assert database.row("PRAGMA journal_mode")[0] == "wal"
    assert database.row("PRAGMA synchronous")[0] == 2  # FULL
    assert database.row("PRAGMA foreign_keys")[0] == 1


def test_a_new_file_has_every_migration_and_opening_it_again_changes_nothing(tmp_path):
    for _ in range(2):
        database = SqliteDatabase(tmp_path / "control.db")
        assert database.row("PRAGMA user_version")[0] == len(MIGRATIONS)
        database.close()
    assert (tmp_path / "control.db").stat().st_mode & 0o077 == 0


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "control.db") as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    with pytest.raises(PlatformError, match="newer Hotplate"):
        SqliteDatabase(tmp_path / "control.db")


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


def test_a_full_disk_is_told_by_its_number():
    assert isinstance(told(OSError(errno.ENOSPC, "full")), DiskFull)


def test_a_disk_that_takes_nothing_is_told_and_nothing_else_is(database, tmp_path):
    for number in (errno.EROFS, errno.EACCES, errno.EIO):
        found = told(OSError(number, "said", "/a/path"))
        assert isinstance(found, Unavailable)
        assert "cannot be read or written: said." in found.message
    database.row("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError) as caught:
        database.run("INSERT INTO volumes VALUES ('a', 1)")
    assert "readonly database" in str(told(caught.value))
    assert told(OSError(errno.ENOENT, "gone")) is None
    assert told(ValueError()) is None
