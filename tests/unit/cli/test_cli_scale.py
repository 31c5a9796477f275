"""`hotplate scale`: the last decisions with their inputs, and other settings tried on a recorded trace."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hotplate.scaling.records import TABLE

TRACE = {
    "format": 1,
    "settings": {"max_replicas": 4, "scale_down_delay_s": 5.0, "window_s": 1.0},
    "concurrency": 2,
    "samples": [
        [tick / 10, 0 if tick < 20 or tick > 60 else 2, 0 if tick < 20 or tick > 60 else 2] for tick in range(150)
    ],
}


def write(text: Any) -> None:
    Path("trace.json").write_text(text if isinstance(text, str) else json.dumps(text))


def test_a_trace_is_replayed(cli):
    write(TRACE)
    ran = cli("scale", "replay", "trace.json")
    assert ran.code == 0
    assert "0 -> 1" in ran.out and "no call for 5 s" in ran.out
    assert "replica-seconds" in ran.err
    decisions = json.loads(cli("scale", "replay", "trace.json", "-o", "json").out)
    assert [(one["before"], one["after"]) for one in decisions] == [(0, 1), (1, 2), (2, 0)]
    assert decisions[0]["inputs"]["queued"] == 2


def test_other_settings_decide_otherwise(cli):
    write(TRACE)
    ran = cli("scale", "replay", "trace.json", "--set", "min_replicas=1", "--set", "concurrency=1", "-o", "json")
    assert [one["after"] for one in json.loads(ran.out)] == [2, 3, 4, 1]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("max_replcas=3", "max_replicas"),
        ("max_replicas", "sets nothing"),
        ("max_replicas=many", "Expected `int`"),
        ("policy=guess", "Invalid enum value"),
    ],
)
def test_a_wrong_setting_is_named(cli, word, said):
    write(TRACE)
    ran = cli("scale", "replay", "trace.json", "--set", word)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        ("{", "no trace"),
        ({**TRACE, "samples": [[1.0, 0, 0], [0.5, 0, 0]]}, "order of time"),
        ({**TRACE, "samples": [[1.0, -1, 0]]}, "$.samples[0][1]"),
        ({**TRACE, "format": 2}, "$.format"),
    ],
)
def test_a_wrong_trace_is_refused(cli, trace, said):
    write(trace)
    ran = cli("scale", "replay", "trace.json")
    assert ran.code == 1
    assert said in ran.err


def test_a_trace_that_is_not_there(cli):
    ran = cli("scale", "replay", "nowhere.json")
    assert ran.code == 1
    assert "nowhere.json cannot be read" in ran.err


def keep(folder: Path) -> None:
    database = sqlite3.connect(folder / "server.db")
    with database:
        database.execute(TABLE)
        row = 'INSERT INTO decisions (at, endpoint, inputs, "from", "to", reason) VALUES (?, ?, ?, ?, ?, ?)'
        for number in range(12):
            inputs = json.dumps({"running": number, "queued": 0})
            database.execute(row, (1.7e9 + number, "model", inputs, number, number + 1, f"reason {number}"))
        database.execute(row, (1.7e9, "other", "{}", 0, 1, "another's"))
    database.close()


def test_the_last_decisions_are_explained(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path))
    assert "Nothing has been served yet" in cli("scale", "explain", "model").err
    keep(tmp_path)
    ran = cli("scale", "explain", "model", "-n", "2")
    assert [line for line in ran.out.splitlines() if "reason" in line][0].endswith("10 -> 11  reason 10")
    assert "running=11  queued=0" in ran.out
    assert "another's" not in ran.out
    kept = json.loads(cli("scale", "explain", "model", "-o", "json").out)
    assert [one["after"] for one in kept] == list(range(3, 13))
    assert "Nothing has been decided about nobody" in cli("scale", "explain", "nobody").err
