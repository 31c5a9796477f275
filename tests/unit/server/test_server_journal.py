"""The server's history: a database that is damaged is put aside, and that is said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hotplate.server.journal import Journal


@pytest.mark.parametrize("damage", ["all of it", "a page"])
def test_a_damaged_history_is_put_aside_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "server.db"
    told: list[str] = []
    note(path, told, "before")
    whole = path.read_bytes()
    path.write_bytes(b"\xff" * len(whole) if damage == "all of it" else whole[:4096] + b"\xff" * (len(whole) - 4096))
    note(path, told, "lost")
    assert len(told) == 1
    assert f"{path} cannot be written" in told[0]
    assert "put aside as server.db.damaged" in told[0]
    assert (tmp_path / "server.db.damaged").exists()
    note(path, told, "after")
    assert len(told) == 1, "and it is written again"
    with closing(sqlite3.connect(path)) as database:
        assert [text for (text,) in database.execute("SELECT text FROM events")] == ["after"]


def note(path: Path, told: list[str], text: str) -> None:
    journal = Journal(path, told.append)
    journal.event("one", "rollout", text, replica=None, revision="a", data={})
    journal.close(30.0)
