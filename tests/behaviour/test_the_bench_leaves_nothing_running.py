"""A server under measurement is stopped with everything that it started, also what ignores the request to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import procfs
from bench.environments import ROOT
from bench.peers.calls import output, prompt
from bench.records import BenchError, Call, Launch, Peer
from bench.servers import started, wait_ready

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench reads /proc")

SERVER = """
import json, os, signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
for alone in (False, True):
    child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=alone)
    child.stdout.readline()

class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["content-length"])))
        data = json.dumps({"output": given["prompt"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

HTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


def peer(code: str = SERVER) -> Peer:
    def launch(task: str, port: int, scratch: Path) -> Launch:
        (scratch / "server.py").write_text(code)
        return Launch(argv=(sys.executable, "server.py", str(port)), cwd=scratch)

    call = Call(path="/infer", encode=prompt, decode=output)
    return Peer(name="echo", title="echo", processes="", launch=launch, calls={"hello": call}, locked=False)


def alive(pid: int) -> bool:
    found = procfs.process(pid)
    return found is not None and not found.zombie


def test_the_whole_tree_is_gone_when_the_block_is_left() -> None:
    with pytest.raises(KeyboardInterrupt), started(peer(), "hello", os.sched_getaffinity(0)) as server:
        wait_ready(server, server.peer.calls["hello"], "hi", "hi")
        pids = [member.pid for member in server.tree()]
        assert len(pids) == 3
        raise KeyboardInterrupt
    assert not [pid for pid in pids if alive(pid)]
    assert not server.scratch.exists()


def test_a_server_that_ends_at_once_is_told_with_its_last_words() -> None:
    with (
        pytest.raises(BenchError, match=r"(?s)status 3.*model file missing"),
        started(peer("print('model file missing'); raise SystemExit(3)"), "hello", os.sched_getaffinity(0)) as server,
    ):
        wait_ready(server, server.peer.calls["hello"], "hi", "hi")


def test_a_wrong_answer_is_never_ready() -> None:
    with (
        pytest.raises(BenchError, match="it answered 'hi'"),
        started(peer(), "hello", os.sched_getaffinity(0)) as server,
    ):
        call = server.peer.calls["hello"]
        wait_ready(server, call, "hi", "hi")
        wait_ready(server, call, "hi", "something else", limit_s=0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_bench_and_its_server(number: signal.Signals, tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
from {Path(__file__).stem} import peer
from bench.servers import started, wait_ready
with started(peer(), "hello", os.sched_getaffinity(0)) as server:
    wait_ready(server, server.peer.calls["hello"], "hi", "hi")
    print(*[member.pid for member in server.tree()], flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as bench:
        assert bench.stdout is not None
        pids = [int(pid) for pid in bench.stdout.readline().split()]
        assert len(pids) == 3
        bench.send_signal(number)
        bench.wait(30)
    assert not [pid for pid in pids if alive(pid)]
