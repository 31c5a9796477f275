"""The session of OctoAI's page "Create Your First Endpoint", typed as it stands with `hotplate` for `octoai`."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

PAGE = Path(__file__).parents[1] / "seeds/hello_world"
PROGRAMS = Path(sys.executable).parent
UP, DOWN, ENTER, INTERRUPT = "\x1b[A", "\x1b[B", "\r", "\x03"
WAITS = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("not yet", flush=True))
print("waiting", flush=True)
time.sleep(60)
"""
COMMAND_LINE = """
if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", type=str, default="http://localhost:8080")
    main(parser.parse_args().endpoint)
"""
STATES = ("UNINITIALIZED", "LAUNCH_PREDICT_LOOP", "SETUP_SERVICE", "RUNNING")


@pytest.fixture
def environ() -> dict[str, str]:
    """A shell with Hotplate's environment active, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOTPLATE_", "OCTOAI_"))}
    path = os.pathsep.join([str(PROGRAMS), kept["PATH"]])
    more = {"TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1", "HOTPLATE_PORT": str(port)}
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(PROGRAMS.parent), **more}


@pytest.fixture
def terminal(environ: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """Type a command on a terminal of its own."""
    started: list[Any] = []

    def start(command: str, folder: Path = tmp_path) -> Any:
        child = pexpect.spawn(
            "bash",
            ["-c", f"exec {command}"],
            cwd=str(folder),
            env=environ,
            encoding="utf-8",
            dimensions=(40, 160),
            timeout=60,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def to_the_end(child: Any) -> str:
    """What is still printed. The command must succeed."""
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0, child.before
    return child.before


def printed_answer(text: str) -> Any:
    """The answer as the page shows it: a dictionary of Python, alone on its line."""
    (line,) = [line for line in text.splitlines() if line.startswith("{'output'")]
    return ast.literal_eval(line)


def check(answer: Any) -> None:
    assert list(answer) == ["output", "analytics"]
    assert answer["output"] == "Hello world!"
    assert list(answer["analytics"]) == ["inference_time_ms", "performance_time_ms"]
    assert 0 < answer["analytics"]["inference_time_ms"] < answer["analytics"]["performance_time_ms"] < 5000


def test_init_then_run_in_one_terminal_and_a_request_in_another(terminal: Any, environ: Any, tmp_path: Path) -> None:
    init = terminal("hotplate init")
    for question, keys in (
        ("Scaffold", DOWN + UP),
        ("Directory", "hello-world"),
        ("Endpoint name", "hello-world"),
        ("Hardware", DOWN),
        ("Secrets", ""),
        ("Environment variables", ""),
    ):
        init.expect_exact(question)
        if question not in ("Directory", "Endpoint name"):
            init.expect_exact("»")
        init.send(keys + ENTER)
    init.expect_exact("Initialized project in hello-world.")
    to_the_end(init)
    folder = tmp_path / "hello-world"
    assert {path.name for path in folder.iterdir()} >= {"service.py", "requirements.txt", "test_request.py"}

    server = terminal("hotplate run -l", folder)
    server.expect_exact(f"State.{STATES[-2]} -> State.{STATES[-1]}")
    log = server.before + server.after
    assert f"running on http://127.0.0.1:{environ['HOTPLATE_PORT']} (Press CTRL+C to quit)" in log
    steps = re.findall(r"INFO status: State\.(\w+) -> State\.(\w+)", log)
    assert steps == list(zip(STATES, STATES[1:], strict=False))
    endpoint = f"--endpoint http://localhost:{environ['HOTPLATE_PORT']}"
    check(printed_answer(to_the_end(terminal(f"python3 test_request.py {endpoint}", folder))))
    server.expect(r'127\.0\.0\.1:\d+ - "POST /infer HTTP/1\.1" 200 OK')
    server.send(INTERRUPT)
    rest = to_the_end(server)
    assert "Stopped" in rest
    assert "Traceback" not in rest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(PAGE, tmp_path / "hello-world"))
    with (folder / "test_request.py").open("a") as script:
        script.write(COMMAND_LINE)  # which the page leaves out, and types: test_request.py --endpoint URL
    return folder


@pytest.mark.parametrize("name", ["OctoAI", "Client"])
def test_the_projects_of_the_page_answer_in_two_terminals(
    terminal: Any, environ: Any, project: Path, name: str
) -> None:
    script = (project / "test_request.py").read_text()
    (project / "test_request.py").write_text(script.replace("OctoAI", name))
    server = terminal("hotplate run -l", project)
    server.expect_exact("State.SETUP_SERVICE -> State.RUNNING")
    endpoint = f"--endpoint http://localhost:{environ['HOTPLATE_PORT']}"
    check(printed_answer(to_the_end(terminal(f"python3 test_request.py {endpoint}", project))))


@pytest.mark.parametrize("name", ["OctoAI", "Client"])
@pytest.mark.parametrize("active", [True, False], ids=["environment active", "environment not active"])
def test_run_with_a_command_prints_its_output_alone(
    environ: dict[str, str], project: Path, name: str, active: bool
) -> None:
    script = (project / "test_request.py").read_text()
    (project / "test_request.py").write_text(script.replace("OctoAI", name))
    if not active:  # as after `uv tool install hotplate`: the python3 of PATH knows nothing of Hotplate
        environ = {**environ, "PATH": os.environ["PATH"].replace(str(PROGRAMS), "/nonexistent")}
        del environ["VIRTUAL_ENV"]
    port = environ["HOTPLATE_PORT"]
    done = subprocess.run(
        [PROGRAMS / "hotplate", "run", "--command", f"python3 test_request.py --endpoint http://localhost:{port}"],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1, "the program has the output to itself"
    check(printed_answer(done.stdout))


def test_a_command_that_fails_hands_its_status_on_and_leaves_no_server(environ: dict[str, str], project: Path) -> None:
    (project / "fails.py").write_text("import os, sys; print(os.environ['HOTPLATE_URL']); sys.exit(7)")
    done = subprocess.run(
        [PROGRAMS / "hotplate", "run", "--command", "python3 fails.py"],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (7, "")
    assert re.fullmatch(rf"http://127\.0\.0\.1:{environ['HOTPLATE_PORT']}\n", done.stdout)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(environ["HOTPLATE_PORT"])), timeout=5)


def test_a_server_that_is_ended_ends_its_command(environ: dict[str, str], project: Path) -> None:
    (project / "waits.py").write_text(WAITS)
    server = subprocess.Popen(
        [PROGRAMS / "hotplate", "run", "--command", "python3 waits.py"],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "waiting\n"
    server.terminate()
    assert server.stdout.read() == "not yet\n", "the pipe closes when the last of its writers has gone"
    assert server.wait(20) == 128 + signal.SIGTERM
    server.stdout.close()
