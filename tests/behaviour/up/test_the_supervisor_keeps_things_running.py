from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import wait_gone, write_project
from support.tied import undone

from hotplate.deployment.home import Home
from tests.behaviour.up.conftest import ECHO
from tests.fleet import Fleet, environment

TEXT = {"text": "hi"}


def hotplate(home: Path, *words: str, timeout_s: float = 60.0, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hotplate.cli", *words],
        env={**environment(Home(home)), **variables},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def deploy(home: Path, folder: Path, name: str, *words: str) -> None:
    """Deploy a project as a person does, for everybody to call."""
    done = hotplate(home, "deploy", str(folder), "--name", name, "--visibility", "public", *words, timeout_s=100)
    assert done.returncode == 0, done.stderr


def running(home: Path) -> dict[str, Any]:
    return json.loads((home / "run/supervisor.json").read_text())


@contextmanager
def up(root: Path, *words: str) -> Iterator[Fleet]:
    """`hotplate up --detach` on free ports."""
    with undone([sys.executable, "-m", "hotplate.cli", "down"], {"HOTPLATE_HOME": str(root)}):
        started = hotplate(root, "up", "--port", "0", "--control-port", "0", "--detach", *words)
        assert started.returncode == 0, started.stderr
        fleet = Fleet(Home(root), int(running(root)["url"].rpartition(":")[2]))
        (root / "test.log").symlink_to(root / "logs/up.log")
        try:
            yield fleet
        finally:
            assert hotplate(root, "down").returncode == 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "home"


@pytest.fixture(scope="module")
def fleet(home: Path) -> Iterator[Fleet]:
    with up(home) as fleet:
        yield fleet


def child(home: Path, name: str) -> int | None:
    return running(home)["children"][name]


def test_status_says_what_runs(fleet: Fleet, home: Path) -> None:
    found = hotplate(home, "status")
    assert found.returncode == 0
    assert running(home)["url"] in found.stdout
    assert json.loads(hotplate(home, "status", "-o", "json").stdout)["up"] is True


def test_a_second_up_names_the_first(fleet: Fleet, home: Path) -> None:
    for words in (("up", "--port", "0"), ("up", "--port", "0", "--detach")):
        refused = hotplate(home, *words)
        assert refused.returncode != 0
        assert f"pid {running(home)['pid']}" in refused.stderr
        assert running(home)["url"] in refused.stderr


def test_what_is_private_is_private(fleet: Fleet, home: Path) -> None:
    fleet.wait_for(lambda: (home / "snapshot.json").exists(), "control's first snapshot")
    for name in ("admin-token", "key", "snapshot.json", "control.db", "run/server.sock", "run/supervisor.json"):
        assert (home / name).stat().st_mode & 0o077 == 0, name
    assert home.stat().st_mode & 0o077 == 0


def test_a_killed_server_is_back_and_nobody_is_refused(fleet: Fleet, home: Path) -> None:
    answers: list[Any] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            try:
                answers.append(fleet.get("/readyz").status)
            except ConnectionRefusedError:
                answers.append("refused")
            except OSError:  # it was connected to the one that was killed
                answers.append("lost")

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        pid = child(home, "server")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        fleet.wait_for(lambda pid=pid: child(home, "server") not in (None, pid), "another server")
        assert fleet.get("/readyz").status == 200
    stop.set()
    for thread in threads:
        thread.join(20)
    assert "refused" not in answers
    assert answers.count("lost") <= 2 * 3
    assert answers.count(200) >= 4


def test_control_is_not_needed_and_a_new_server_serves_what_the_last_one_did(
    fleet: Fleet, home: Path, tmp_path: Path
) -> None:
    deploy(home, write_project(tmp_path / "model", ECHO), "open", "--min-replicas", "1", "--max-replicas", "2")
    before = [each["pid"] for each in fleet.wait_for(lambda: fleet.replicas("open"), "a replica")]
    control = child(home, "control")
    assert control is not None
    os.kill(control, signal.SIGSTOP)
    try:
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            assert fleet.post("/open/predict", TEXT).status == 200
    finally:
        os.kill(control, signal.SIGKILL)
    fleet.wait_for(lambda: child(home, "control") not in (None, control), "another control")
    fleet.wait_for(lambda: hotplate(home, "endpoint", "list").returncode == 0, "an answer of control")
    assert fleet.post("/open/predict", TEXT).status == 200
    assert [each["pid"] for each in fleet.replicas("open")] == before

    control, server = child(home, "control"), child(home, "server")
    assert control is not None
    assert server is not None
    os.kill(control, signal.SIGSTOP)
    try:
        os.kill(server, signal.SIGKILL)
        wait_gone(before[0])
        assert fleet.post("/open/predict", TEXT).status == 200, "the last snapshot is served on"
        fleet.wait_for(lambda: len(fleet.replicas("open")) == 1, "as many replicas as before")
    finally:
        os.kill(control, signal.SIGCONT)
    assert (home / "server.db").stat().st_mode & 0o077 == 0


def test_a_home_that_takes_no_file_ends_nothing(tmp_path: Path, project: Path) -> None:
    root = tmp_path / "home"
    with up(root) as fleet:
        deploy(root, project, "open", "--min-replicas", "1")
        found = running(root)
        (root / "run").rename(root / "away")  # as on a disk that is read-only: nothing can be made in it
        (root / "run").touch()
        for pid in found["children"].values():
            os.kill(pid, signal.SIGKILL)
        fleet.wait_for(lambda: fleet.post("/open/predict", TEXT).status == 200, "a call that is answered")
        assert "supervisor.json cannot be written: Not a directory. Serving goes on." in fleet.log()
        fleet.wait_for(lambda: "server.sock cannot be made: Not a directory." in fleet.log(), "a word of it")
        (root / "run").unlink()
        (root / "away/supervisor.json").unlink()
        (root / "away").rename(root / "run")
        fleet.wait_for(lambda: running(root)["pid"] == found["pid"], "the supervisor's word")
        fleet.wait_for(lambda: fleet.replicas("open"), "the server's state")


def test_who_does_not_say_where_it_is_is_up_all_the_same(fleet: Fleet, home: Path) -> None:
    said = home / "run/supervisor.json"
    said.rename(home / "away")
    try:
        told, down = hotplate(home, "status"), hotplate(home, "down")
        assert (told.returncode, down.returncode) == (0, 1)
        assert "is up, but" in told.stdout
        assert "is up, but" in down.stderr
        assert json.loads(hotplate(home, "status", "-o", "json").stdout)["up"] is True
    finally:
        (home / "away").rename(said)


def test_a_server_that_hangs_is_told(fleet: Fleet, home: Path) -> None:
    server = child(home, "server")
    assert server is not None
    os.kill(server, signal.SIGSTOP)
    try:
        told = hotplate(home, "status")
    finally:
        os.kill(server, signal.SIGCONT)
    assert f"pid {server}" in told.stdout
    assert "The server gives no answer" in told.stdout
    assert "no answer" not in hotplate(home, "status").stdout


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for words in (("--port", str(port)), ("--port", "0", "--control-port", str(port))):
            for more in ((), ("--detach",)):
                refused = hotplate(tmp_path / "home", "up", *words, *more)
                assert refused.returncode != 0
                assert str(port) in refused.stderr
                assert "Traceback" not in refused.stderr


def test_an_open_address_is_refused_and_said_why(tmp_path: Path) -> None:
    refused = hotplate(tmp_path / "home", "up", "--host", "0.0.0.0", "--port", "0", "--control-port", "0")
    assert refused.returncode != 0
    assert "--i-know" in refused.stderr


def test_nothing_is_up(tmp_path: Path) -> None:
    assert hotplate(tmp_path / "home", "status").returncode == 1
    assert "Nothing is up" in hotplate(tmp_path / "home", "down").stdout


def test_the_unit_starts_what_was_asked_for(tmp_path: Path) -> None:
    text = hotplate(tmp_path / "a home", "up", "--port", "9000", "--print-unit").stdout
    assert f'Environment="HOTPLATE_HOME={tmp_path / "a home"}"' in text
    assert "up --port 9000 --control-port 8081" in text
    assert not (tmp_path / "a home").exists()
    other = hotplate(tmp_path / "a home", "up", "--print-unit", HOTPLATE_PORT="9001", HOTPLATE_HOST="::1").stdout
    assert "up --port 9001 --host ::1 --control-port 8081" in other


def test_the_environment_says_where_to_listen_too(tmp_path: Path) -> None:
    root = tmp_path / "home"
    wrong = hotplate(root, "up", "--control-port", "0", HOTPLATE_PORT="x")
    assert (wrong.returncode, "HOTPLATE_PORT" in wrong.stderr) == (2, True), wrong.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "another port with --control-port" in hotplate(root, "up", "-p0", "--control-port", str(port)).stderr
        assert "another port with --port" in hotplate(root, "up", "-p", str(port), "--control-port", "0").stderr
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        port = free.getsockname()[1]
    with undone([sys.executable, "-m", "hotplate.cli", "down"], {"HOTPLATE_HOME": str(root)}):
        at = {"HOTPLATE_HOST": "127.0.0.2", "HOTPLATE_PORT": str(port)}
        started = hotplate(root, "up", "--control-port", "0", "--detach", **at)
        assert started.returncode == 0, started.stderr
        assert running(root)["url"] == f"http://127.0.0.2:{port}"
        assert hotplate(root, "down").returncode == 0


def test_down_lets_what_runs_finish_and_leaves_nothing(tmp_path: Path, project: Path) -> None:
    root = tmp_path / "home"
    answers: list[Any] = []
    with up(root) as fleet:
        deploy(root, project, "open", "--min-replicas", "1")
        pids = [*running(root)["children"].values(), *(each["pid"] for each in fleet.replicas("open"))]

        def call() -> None:
            answers.append(fleet.post("/open/predict", {"text": "slow", "seconds": 2.0}).status)

        thread = threading.Thread(target=call)
        thread.start()
        fleet.wait_for(lambda: fleet.of("open")["in_flight"], "a call that runs")
    thread.join(20)
    assert answers == [200]
    for pid in pids:
        wait_gone(pid)
    assert not (root / "run/supervisor.json").exists()


def test_a_home_whose_path_is_longer_than_a_sockets_may_be_serves(tmp_path: Path, project: Path) -> None:
    root = tmp_path / ("a long name, ü " * 8) / "home"
    with up(root) as fleet:
        deploy(root, project, "open", "--min-replicas", "1")
        assert fleet.post("/open/predict", TEXT).json()["output"] == "v1 hi"
        assert "1 of 1 replica runs" in hotplate(root, "status").stdout


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    root = tmp_path / "home"
    with up(root):
        pids = running(root)["children"]
        os.kill(running(root)["pid"], signal.SIGKILL)
        for pid in pids.values():
            wait_gone(pid)
