"""A real control process on loopback for tests, with a home of its own; and a stand-in for the server's socket.

The socket's other end is what control asks for state. Tests of control say there what a server would say.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import msgspec
from support.tied import tied

from hotplate.contract.types import Contract
from hotplate.deployment import snapshot
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision, Snapshot

START_S = 60.0
API = "/api/v1"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Control:
    home: Home
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> str:
        return self.home.admin_token.read_text().strip()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "admin",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Ask below /api/v1, as the admin unless told otherwise; None sends no token."""
        sent = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {self.admin if token == 'admin' else token}")
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path if path.startswith("/healthz") else API + path, data, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def good(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        reply = self.ask(method, path, body, **more)
        assert reply.status < 300, (reply.status, reply.body)
        return reply.json()

    def token(self, *scopes: str, **more: Any) -> str:
        return self.good("POST", "/tokens", {"name": "test", "scopes": list(scopes), **more})["token"]

    def snapshot(self) -> Snapshot:
        return snapshot.read(self.home.snapshot)

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=30)


def make_revision(home: Home, digest: str, **more: Any) -> str:
    """A built revision's record, as the build leaves it."""
    folder = home.revisions / digest
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"root": str(folder / "files"), "python": sys.executable, "dialect": "function", "entry": "model"}
    contract = Contract(name="model", dialect="function", entry="model")
    revision = Revision(digest=digest, contract=contract, **{**fields, **more})
    (folder / "revision.json").write_bytes(msgspec.json.encode(revision))
    return digest


@contextmanager
def short_home() -> Iterator[Home]:
    """A home with a path short enough for a Unix socket in it."""
    root = Path(tempfile.mkdtemp(prefix="hp-"))
    home = Home(root)
    home.make()
    try:
        yield home
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def refused_control(home: Home, *words: str) -> Iterator[Control]:
    """One that cannot start, and says so to whoever asks."""
    with running_control(home, *words, answers=503) as control:
        yield control


@contextmanager
def running_control(home: Home, *words: str, answers: int = 200) -> Iterator[Control]:
    """Control on a listening socket that it is given, as by the supervisor."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    log = home.root / "control.log"
    with listener, log.open("ab") as output:
        process = subprocess.Popen(
            tied([sys.executable, "-m", "hotplate.control", "--fd", str(listener.fileno()), *words]),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(listener.fileno(),),
            env={**os.environ, "HOTPLATE_HOME": str(home.root)},
        )
    control = Control(home, port, process, log)
    try:
        # The socket listens already, so this waits in its backlog until control takes it.
        wait_for(lambda: process.poll() is not None or _is_up(control, answers), "control's start", START_S)
        assert process.poll() is None, log.read_text()
        yield control
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_up(control: Control, answers: int) -> bool:
    try:
        return control.ask("GET", "/healthz", token=None).status == answers
    except OSError:
        return False


def wait_for(found: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    end = time.monotonic() + timeout_s
    while not (result := found()):
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)
    return result


@dataclass
class ServerSocket:
    """What a server would say on run/server.sock. `rollouts` is what it says of an endpoint's newest generation."""

    home: Home
    rollouts: dict[str, tuple[str, str]] = field(default_factory=dict)
    reloads: int = 0
    looks: int = 0

    def state(self) -> dict[str, Any]:
        endpoints: dict[str, Any] = {}
        for spec in snapshot.read(self.home.snapshot).endpoints:
            state, text = self.rollouts.get(spec.name, ("stable", ""))
            revision = spec.traffic[-1].revision if spec.traffic else ""
            replica = {"number": 1, "pid": 4242, "revision": revision, "state": "ready"}
            endpoints[spec.name] = {
                "generation": spec.generation,
                "rollout": {"state": state, "text": text},
                "replicas": [{**replica, "level": "warm", "in_flight": 0, "started_at": time.time() - 5}],
                "queue_depth": 0,
            }
        return {"endpoints": endpoints}


@contextmanager
def server_socket(home: Home) -> Iterator[ServerSocket]:
    rig = ServerSocket(home)

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "control"

        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            rig.reloads += 1
            self._answer(b"{}")

        def do_GET(self) -> None:
            rig.looks += 1
            self._answer(json.dumps(rig.state()).encode())

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingUnixStreamServer(str(home.server_socket), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield rig
        finally:
            server.shutdown()
            thread.join()
