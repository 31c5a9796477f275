"""`hotplate serve` as the first process of a container: PORT, JSON, SIGTERM, orphans."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from serving import Server

SERVICE = """
import os, subprocess, sys
from octoai.service import Service

class Hello(Service):
    def setup(self):
        open("setup-ran", "w").write("yes")

    def infer(self, prompt: str) -> str:
        if prompt == "orphan":  # leaves a process behind whose parent has ended
            code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'pass'])"
            subprocess.run([sys.executable, "-c", code])
        return prompt + os.environ.get("TAIL", "")
"""


def project(tmp_path: Path) -> Path:
    (tmp_path / "service.py").write_text(SERVICE)
    return tmp_path


def start(folder: Path, *before: str, **variables: str) -> Server:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "hotplate.cli", "serve", "."],
        cwd=folder,
        env={**environ, "HOME": str(folder), "PORT": "0", "HOTPLATE_WORKERS": "1", **variables},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    server = Server(process)
    server.reader = threading.Thread(target=server.follow, daemon=True)  # type: ignore[attr-defined]
    server.reader.start()  # type: ignore[attr-defined]
    return server


def end(server: Server, pid: int | None = None) -> int:
    if server.process.poll() is None:
        os.kill(pid or server.process.pid, signal.SIGTERM)
    try:
        return server.process.wait(20)
    finally:
        server.process.kill()
        server.process.wait()
        server.reader.join(10)  # type: ignore[attr-defined]
        server.process.stderr.close()


def test_it_answers_with_what_the_container_was_given_and_ends_in_order(tmp_path):
    server = start(project(tmp_path), TAIL="!")
    try:
        server.wait_ready()
        assert server.post("/infer", {"prompt": "hi"}).json()["output"] == "hi!"
        assert all(record["level"] != "raw" for record in server.records), "every line is JSON"
        environ = {**os.environ, "PORT": str(server.port)}
        assert subprocess.run([sys.executable, "-P", "-m", "hotplate.server.probe"], env=environ).returncode == 0
    finally:
        status = end(server)
    assert status == 0
    assert "Stopped" in server.messages()
    assert subprocess.run([sys.executable, "-P", "-m", "hotplate.server.probe"], env=environ).returncode == 1


def can_unshare() -> bool:
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="a process namespace needs root and unshare")
def test_as_the_first_process_it_ends_at_sigterm_and_waits_for_orphans(tmp_path):
    server = start(project(tmp_path), "unshare", "--pid", "--fork", "--mount-proc")
    try:
        server.wait_ready()
        first = int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])
        assert server.post("/infer", {"prompt": "orphan"}).status == 200
        children = Path(f"/proc/{first}/task/{first}/children")
        until = time.monotonic() + 40
        while len(children.read_text().split()) > 1 and time.monotonic() < until:
            time.sleep(0.2)
        assert len(children.read_text().split()) == 1, "only the worker is left"
    finally:
        status = end(server, first)
    assert status == 0


@pytest.mark.skipif(not can_unshare(), reason="a process namespace needs root and unshare")
def test_as_the_first_process_it_can_be_ended_before_it_listens(tmp_path):
    (tmp_path / "service.py").write_text("import time\ntime.sleep(60)\n" + SERVICE)
    server = start(tmp_path, "unshare", "--pid", "--fork", "--mount-proc")
    try:
        server.wait_for(lambda s: s.port, "a port")
        first = int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])
    finally:
        assert end(server, first) in (0, 128 + signal.SIGTERM)


def test_setup_alone_for_the_build_of_an_image(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hotplate.cli", "serve", "--setup", "."],
        cwd=project(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "setup-ran").read_text() == "yes"
    (tmp_path / "service.py").write_text(
        SERVICE.replace('open("setup-ran"', 'raise ValueError("no weights")\n        open("x"')
    )
    done = subprocess.run(
        [sys.executable, "-m", "hotplate.cli", "serve", "--setup", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "no weights" in done.stderr
