"""Logs as the server leaves them: the last lines, from a time on, of a replica, across rotation, and as they come."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing
from queue import Queue

import pytest
from control_rig import make_revision, wait_for

from hotplate.client import ControlClient


def write(home, name, lines, file="current.jsonl", begin=1_000_000.0):
    folder = home.logs / name
    folder.mkdir(exist_ok=True)
    with (folder / file).open("a") as log:
        for number, (replica, text) in enumerate(lines):
            entry = {"at": begin + number, "replica": replica, "revision": "r", "stream": "stdout", "text": text}
            log.write(json.dumps(entry) + "\n")


@pytest.fixture
def endpoint(control, name):
    control.good("POST", "/endpoints", {"name": name})
    return name


def texts(found):
    return [each["data"] for each in found]


def test_the_last_lines_come_in_their_order_also_from_rotated_files(control, home, endpoint):
    write(home, endpoint, [(1, f"old {number}") for number in range(5)], "00000000000000000001.jsonl", 1000)
    write(home, endpoint, [(1, f"new {number}") for number in range(3)], begin=2000)
    assert texts(control.good("GET", f"/logs/{endpoint}?max_lines=4")) == ["old 4", "new 0", "new 1", "new 2"]
    assert texts(control.good("GET", f"/logs/{endpoint}?max_lines=0")) == []
    assert len(control.good("GET", f"/logs/{endpoint}")) == 8


def test_lines_are_chosen_by_time_and_replica(control, home, endpoint):
    write(home, endpoint, [(number % 2 + 1, f"line {number}") for number in range(6)], begin=0)
    query = "begin_time=1970-01-01T00:00:02Z&end_time=1970-01-01T00:00:04Z"
    assert texts(control.good("GET", f"/logs/{endpoint}?{query}")) == ["line 2", "line 3"]
    for replica in ("2", f"{endpoint}-2"):
        assert texts(control.good("GET", f"/logs/{endpoint}?replica_id={replica}")) == ["line 1", "line 3", "line 5"]
    for wrong in ("begin_time=yesterday", "max_lines=1001", "max_lines=-1", "max_lines=x", "replica_id=a/b"):
        assert control.ask("GET", f"/logs/{endpoint}?{wrong}").status == 422, wrong


def test_broken_lines_are_passed_over(control, home, endpoint):
    folder = home.logs / endpoint
    folder.mkdir()
    lines = [b"", b"{", b"[]", b'{"at": "x"}', b"\xff\xfe", b'{"at": 1, "text": null}', b"x" * 200_000]
    (folder / "current.jsonl").write_bytes(
        b"\n".join(lines) + b'\n{"at": 2, "replica": 1, "text": "good"}\n{"at": 3, "te'
    )
    assert texts(control.good("GET", f"/logs/{endpoint}")) == ["None", "good"]


def test_lines_are_followed_across_a_rotation(control, home, endpoint):
    write(home, endpoint, [(1, "before")])
    came: Queue[str] = Queue()

    def follow():
        with ControlClient(control.url, control.admin) as client:
            for entry in client.follow_logs(endpoint, max_lines=1):
                came.put(entry["data"])
                if entry["data"] == "end":
                    return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert came.get(timeout=30) == "before"
    write(home, endpoint, [(1, "one")])
    assert came.get(timeout=30) == "one"
    current = home.logs / endpoint / "current.jsonl"
    write(home, endpoint, [(1, "two")])
    current.rename(current.with_name("00000000000000000002.jsonl"))
    write(home, endpoint, [(1, "three"), (1, "end")])
    assert [came.get(timeout=30) for _ in range(3)] == ["two", "three", "end"]
    thread.join(30)


def test_events_of_control_and_server_are_one_story(control, home, name):
    with closing(sqlite3.connect(home.server_db)) as database, database:
        database.executescript(
            "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, at REAL, endpoint TEXT, kind TEXT, "
            "replica INTEGER, revision TEXT, text TEXT, data TEXT);"
            "CREATE TABLE IF NOT EXISTS decisions (id INTEGER PRIMARY KEY, at REAL, endpoint TEXT, inputs TEXT, "
            '"from" INTEGER, "to" INTEGER, reason TEXT);'
        )
        add = "INSERT INTO events (at, endpoint, kind, replica, revision, text, data) VALUES (?, ?, ?, ?, 'r', ?, '{}')"
        database.execute(add, (1.0, name, "replica_started", 1, "It runs"))
        database.execute(add, (3.0, name, "replica_crashed", 1, "It died"))
        scaled = 'INSERT INTO decisions (at, endpoint, inputs, "from", "to", reason) VALUES (2, ?, ?, 0, 1, ?)'
        database.execute(scaled, (name, '{"queued": 1}', "1 call waits"))
    make_revision(home, "e" * 12)
    control.good("POST", f"/endpoints/{name}/deploy", {"revision": "e" * 12, "wait_s": 60})
    found = control.good("GET", f"/events/{name}")
    kinds = [each["event"]["type"] for each in found]
    assert kinds == ["replica_started", "scaled", "replica_crashed", "created", "deploy", "deployed"]
    assert [each["event"]["level"] for each in found][:3] == ["normal", "normal", "warning"]
    assert found[0]["replica_id"] == f"{name}-1"
    assert found[1]["event"]["details"] == "0 -> 1 replicas: 1 call waits."
    assert control.good("GET", f"/endpoints/{name}/decisions")[0]["inputs"] == {"queued": 1}


def test_events_are_followed(control, name):
    control.good("POST", "/endpoints", {"name": name})
    came: Queue[str] = Queue()

    def follow():
        with ControlClient(control.url, control.admin) as client:
            for entry in client.follow_events(name):
                came.put(entry["event"]["type"])
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    paused = time.monotonic()

    def pause():
        control.good("POST", f"/endpoints/{name}/pause")
        control.good("POST", f"/endpoints/{name}/start")
        return not came.empty()

    wait_for(pause, "an event")
    assert came.get() in ("paused", "started")
    assert time.monotonic() - paused < 60
    thread.join(30)


def test_what_changed_is_in_the_audit_log_with_who_changed_it(control, name):
    token = control.token("deploy")
    control.good("POST", "/endpoints", {"name": name}, token=token)
    control.good("PATCH", f"/endpoints/{name}", {"min_replicas": 1}, token=token)
    control.good("PATCH", f"/endpoints/{name}", {"min_replicas": 1}, token=token)
    control.good("DELETE", f"/endpoints/{name}", token=token)
    mine = [each for each in control.good("GET", "/audit") if each["subject"] == name]
    assert [each["action"] for each in mine] == ["endpoint.delete", "endpoint.update", "endpoint.create"]
    assert {each["token"] for each in mine} == {token.split("_")[1]}
    assert mine[1]["details"] == "min_replicas"
