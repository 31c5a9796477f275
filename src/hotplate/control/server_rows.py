"""Reads server.db, which belongs to the server: read-only, and as if empty where it is not there or not as expected."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

BUSY_S = 2.0


def read_rows(path: Path, sql: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
    """Rows of the server's database. The server may be of another version: what cannot be read is no error of ours."""
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, tuple(values)).fetchall()]
    except sqlite3.Error:
        return []
