"""Which revisions the database names, for whoever removes the others. Control need not run."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from hotplate.control.database import Row, open_database
from hotplate.deployment.home import Home
from hotplate.deployment.shared import find_store
from hotplate.errors import PlatformError

BUSY_S = 10.0


def named_revisions(home: Home) -> set[str]:
    """Every revision that an endpoint has or could go back to; none where nothing was ever deployed.

    Raises:
        PlatformError, Unavailable: the database cannot be read, so it is not known.
    """
    if find_store(home) is not None:
        return {str(row["digest"]) for row in read_shared(home, "SELECT DISTINCT digest FROM revisions")}
    if not home.control_db.is_file():
        return set()
    try:
        with closing(sqlite3.connect(f"{home.control_db.as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                return set()  # control has made the file, and nothing in it yet
            return {str(row[0]) for row in connection.execute("SELECT DISTINCT digest FROM revisions")}
    except sqlite3.Error as error:
        raise PlatformError(f"control.db cannot be read, so nothing was removed: {error}.") from error


def read_shared(home: Home, sql: str, values: Sequence[str] = ()) -> Sequence[Row]:
    """Rows of the database that a home shares with others. Raises Unavailable."""
    database = open_database(home)
    try:
        return database.rows(sql, values)
    finally:
        database.close()
