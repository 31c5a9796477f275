"""The server's history: what cannot be written is said once, and it goes on when it can be written again."""

from __future__ import annotations

import sqlite3
import time
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


def test_a_disk_that_takes_nothing_is_told_once_and_written_again_when_it_does(tmp_path: Path) -> None:
    path = tmp_path / "away" / "server.db"
    told: list[str] = []
    journal = Journal(path, told.append)
    for number in range(3):
        journal.event("one", "rollout", f"lost {number}", replica=None, revision="a", data={})
        end = time.monotonic() + 10.0
        while not told and time.monotonic() < end:
            time.sleep(0.01)
    path.parent.mkdir()
    journal.event("one", "rollout", "after", replica=None, revision="a", data={})
    journal.close(30.0)
    assert told == [f"{path} cannot be written: No such file or directory."]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT text FROM events").fetchall()[-1] == ("after",)


def note(path: Path, told: list[str], text: str) -> None:
    journal = Journal(path, told.append)
    journal.event("one", "rollout", text, replica=None, revision="a", data={})
    journal.close(30.0)
