from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from serving import write_project

from hotplate.deployment.sealed import seal
from hotplate.server.capture import CURRENT, Capture, Line
from tests.fleet import Fleet, endpoint, revision_of, scaling, serve_fleet

PARTING = """
import os, subprocess, sys

SAYS = "import os; print('layer 7: ', end=''); os.kill(os.getpid(), 9)"


def predict(how: str) -> None:
    if how == "a program":
        subprocess.run([sys.executable, "-c", SAYS])
    else:
        exec(SAYS)
    os._exit(3)
"""
CANARY = "c4nary/with+odd=chars &more"


def lines_of(fleet: Fleet, name: str) -> list[dict[str, Any]]:
    path = fleet.home.logs / name / CURRENT
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def said(fleet: Fleet, name: str, text: str) -> list[dict[str, Any]]:
    return [line for line in lines_of(fleet, name) if text in line["text"]]


def test_lines_have_time_replica_revision_stream_and_request(fleet: Fleet, project: Path) -> None:
    fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
    answer = fleet.post("/open/predict", {"text": "print"}, {"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    line = fleet.wait_for(lambda: said(fleet, "open", "said"), "the line")[0]
    assert line["stream"] == "stdout"
    assert line["revision"] == "first1"
    assert line["replica"] == 1
    assert line["request_id"] == "mine-1"
    assert abs(line["at"] - time.time()) < 60
    assert fleet.wait_for(lambda: said(fleet, "open", "warned"), "the other line")[0]["stream"] == "stderr"
    assert (fleet.home.logs / "open" / CURRENT).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", ["itself", "a program"])
def test_words_without_a_newline_outlive_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    files = {"model.py": PARTING, "hotplate.yaml": "functions: [model.py:predict]\n"}
    project = write_project(tmp_path / "parting", files)
    with serve_fleet(tmp_path / "home") as fleet:
        fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
        assert fleet.post("/open/predict", {"how": how}).status == 502
        fleet.wait_for(lambda: said(fleet, "open", "layer 7"), "the last words")


def test_words_are_kept_whatever_the_locale_is(tmp_path: Path, project: Path) -> None:
    (project / "model.py").write_text(
        "def predict(text: str) -> str:\n    print('said', text)\n    return text\n", "utf-8"
    )
    with serve_fleet(tmp_path / "home", {"PYTHONIOENCODING": "ascii"}) as fleet:
        fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
        assert fleet.post("/open/predict", {"text": "größer"}).status == 200
        fleet.wait_for(lambda: said(fleet, "open", "said größer"), "the line")


def test_a_crash_is_an_event_with_the_last_lines(fleet: Fleet, project: Path) -> None:
    fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
    fleet.post("/open/predict", {"text": "print"})
    fleet.wait_for(lambda: said(fleet, "open", "warned"), "the lines")
    assert fleet.post("/open/predict", {"text": "die"}).status == 502

    def crashes() -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(fleet.home.server_db)) as database:
            return database.execute(
                "SELECT endpoint, revision, replica, text, data FROM events WHERE kind = 'replica_crashed'"
            ).fetchall()

    endpoint_name, revision, replica, text, data = fleet.wait_for(crashes, "the event")[0]
    assert (endpoint_name, revision, replica) == ("open", "first1", 1)
    assert "exited with status 3 while it ran 1 call" in text
    assert "warned" in json.loads(data)["last_output"]


def test_secrets_reach_the_model_and_nothing_that_is_written(fleet: Fleet, tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "leaky",
        {
            "model.py": """
import base64, os, sys
from urllib.parse import quote


def predict(text: str) -> str:
    value = os.environ["PASSWORD"]
    print(value, quote(value), base64.b64encode(b"user:" + value.encode()).decode(), flush=True)
    print(f"{text} end", file=sys.stderr, flush=True)
    if text == "raise":
        raise RuntimeError(f"cannot use {value}")
    if text == "die":
        os._exit(3)
    return str(len(value))
""",
            "hotplate.yaml": "functions: [model.py:predict]\n",
        },
    )
    sealed = {"PASSWORD": seal(CANARY, "PASSWORD", fleet.home.key)}
    revision = revision_of(project, "first1")
    fleet.publish(endpoint("leaky", revision, public=True, secrets=sealed, scaling=scaling()))
    assert fleet.post("/leaky/predict", {"text": "see"}).json()["output"] == str(len(CANARY))
    pid = fleet.replicas("leaky")[0]["pid"]
    assert CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert CANARY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert fleet.post("/leaky/predict", {"text": "raise"}).status == 500
    assert fleet.post("/leaky/predict", {"text": "die"}).status == 502
    fleet.wait_for(lambda: said(fleet, "leaky", "raise end"), "the lines")
    assert said(fleet, "leaky", "***")

    encoded = base64.b64encode(b"user:" + CANARY.encode()).decode()
    forms = [CANARY, quote(CANARY), encoded[8:-4]]
    for path in fleet.home.root.rglob("*"):
        if path.is_file():
            for form in forms:
                assert form.encode() not in path.read_bytes(), (path, form)
    for page in ("/leaky/metrics", "/leaky/healthcheck", "/leaky/openapi.json"):
        assert CANARY.encode() not in fleet.get(page).body
    assert CANARY not in json.dumps(fleet.state())


@pytest.fixture
def capture(tmp_path: Path) -> Iterator[Capture]:
    made = Capture(tmp_path, file_bytes=2000, files=3)
    yield made
    made.close()


def test_files_are_rotated_and_the_oldest_go(capture: Capture, tmp_path: Path) -> None:
    for number in range(200):
        capture.put("echo", Line(at=1.0, replica=1, revision="r", stream="stdout", text=f"line {number} " + "x" * 100))
        if number % 10 == 0:
            while capture._lines.qsize():
                time.sleep(0.001)
    capture.close()
    files = sorted(path for path in (tmp_path / "echo").iterdir() if path.name != CURRENT)
    assert len(files) == 3
    assert all(path.stat().st_size <= 4000 for path in files)
    assert "line 199" in (tmp_path / "echo" / CURRENT).read_text()
    assert capture.dropped == 0


def test_logs_go_with_their_endpoint_and_with_no_other(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    for name in ("gone", "stays"):
        fleet.publish(endpoint(name, revision, public=True, scaling=scaling()))
        assert fleet.post(f"/{name}/predict", {"text": "print"}).status == 200
        fleet.wait_for(lambda name=name: said(fleet, name, "said"), "the line")
    fleet.withdraw("gone")
    fleet.wait_for(lambda: not (fleet.home.logs / "gone").exists(), "the end of its logs")
    assert said(fleet, "stays", "said")


def test_logs_of_what_was_deleted_while_no_server_ran(tmp_path: Path) -> None:
    for name in ("gone", "stays"):
        (tmp_path / name).mkdir()
    (tmp_path / "up.log").touch()
    capture = Capture(tmp_path)
    capture.put("late", Line(at=0.0, replica=1, revision="r", stream="stdout", text="x"))
    capture.remove("late")
    capture.keep({"stays"})
    capture.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stays", "up.log"]
