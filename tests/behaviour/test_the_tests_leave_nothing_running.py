"""A test run that is killed runs no `finally`: what it had started goes all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serving import wait_gone, write_project
from support.job_calls import MODEL
from support.tied import SETPRIV

HOME = Path(__file__).parents[1]
RUN = """
import sys, time
from pathlib import Path
from serving import serve
with serve(sys.argv[1], env={"HOTPLATE_HOME": sys.argv[2]}) as server:
    print(server.process.pid, *server.workers(), flush=True)
    time.sleep(60)
"""
WATCH = """
import sys, time
from support.tied import undone
with undone(["touch", sys.argv[1]], {}):
    print("begun", flush=True)
    if len(sys.argv) < 3:
        time.sleep(60)
"""


def begin(code: str, *words: str | Path) -> subprocess.Popen[str]:
    path = os.pathsep.join((str(HOME), str(HOME / "support")))
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})


@pytest.mark.skipif(SETPRIV is None, reason="needs setpriv, of util-linux")
def test_a_server_and_its_workers_go_with_a_killed_run(tmp_path):
    project = write_project(tmp_path / "model", MODEL)
    with begin(RUN, project, tmp_path / "home") as run:
        assert run.stdout is not None
        pids = [int(pid) for pid in run.stdout.readline().split()]
        assert len(pids) == 2
        run.send_signal(signal.SIGKILL)
    for pid in pids:
        wait_gone(pid)


@pytest.mark.parametrize("killed", [True, False])
def test_what_was_begun_to_stay_is_ended_by_its_own_command(tmp_path, killed):
    mark = tmp_path / "mark"
    with begin(WATCH, mark, *([] if killed else ["ends"])) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        if killed:
            run.send_signal(signal.SIGKILL)
    if not killed:
        assert not mark.exists()
        return
    for _ in range(500):
        if mark.exists():
            return
        signal.sigtimedwait([], 0.01)
    raise AssertionError("the command was not run")
