"""A real `hotplate run` on loopback for tests: started on a free port, followed by its log, stopped at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.tied import tied

START_S = 30.0


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int = 0
    records: list[dict[str, Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # -- the log

    def follow(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                record = json.loads(line)
            except ValueError:
                record = {"level": "raw", "message": line.decode(errors="replace").rstrip("\n")}
            with self.changed:
                self.records.append(record)
                if "Hotplate running on http://" in record["message"]:
                    self.port = int(record["message"].split("http://")[1].split()[0].rpartition(":")[2])
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def messages(self) -> list[str]:
        with self.changed:
            return [record["message"] for record in self.records]

    def text(self) -> str:
        return "\n".join(self.messages())

    def wait_for(self, found: Callable[[Server], Any], what: str, timeout_s: float = START_S) -> Any:
        end = time.monotonic() + timeout_s
        with self.changed:
            while True:
                result = found(self)
                if result:
                    return result
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError(f"{what} did not happen; the log:\n" + self._joined())
                self.changed.wait(min(left, 0.5))

    def wait_for_line(self, text: str, timeout_s: float = START_S) -> None:
        self.wait_for(lambda server: any(text in r["message"] for r in server.records), f"{text!r}", timeout_s)

    def _joined(self) -> str:
        return "\n".join(f"{record['level']}: {record['message'][:300]}" for record in self.records[-40:])

    def count(self, text: str) -> int:
        return sum(text in message for message in self.messages())

    def wait_ready(self, timeout_s: float = START_S) -> None:
        self.wait_for(lambda server: server.port, "a port", timeout_s)
        self.wait_for_line("-> State.RUNNING", timeout_s)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"hotplate.worker" in _command_line(pid)]

    def rss_kb(self) -> int:
        """Memory of the server process itself, shared memory included."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def cpu_s(self) -> float:
        """Processor time of the server process itself."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # -- HTTP

    def connect(self, timeout_s: float = 10.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | dict[str, Any] | list[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 20.0,
    ) -> Reply:
        import http.client

        sent = {"content-type": "application/json"} if body is not None else {}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        data = json.dumps(body) if isinstance(body, dict | list) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, fields, answer.read())
        finally:
            connection.close()

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        return self.request("POST", path, body if body is not None else {}, **more)

    def get(self, path: str, **more: Any) -> Reply:
        return self.request("GET", path, **more)

    def raw(self, data: bytes, timeout_s: float = 5.0) -> bytes:
        """Send bytes as they are; give all that comes back until the server closes or falls silent."""
        with self.connect(timeout_s) as sock:
            sock.sendall(data)
            return read_all(sock)

    def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith((f"{name} ", f"{name}{{")):
                total += float(line.rpartition(" ")[2])
        return total

    # -- the end

    def terminate(self, timeout_s: float = 20.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


def read_all(sock: socket.socket) -> bytes:
    got = bytearray()
    try:
        while part := sock.recv(65536):
            got += part
    except (TimeoutError, ConnectionResetError):
        pass
    return bytes(got)


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _command_line(pid: str) -> bytes:
    """Nothing for one that has ended since its parent's children were listed."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@contextmanager
def serve(
    *args: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    wait: bool = True,
    python: str = sys.executable,
    program: Sequence[str] = ("-m", "hotplate.cli"),
    under: Sequence[str] = (),
    port: int = 0,
) -> Iterator[Server]:
    """Run `hotplate run ARGS --port 0` and give it once it is ready. `under` is a command that runs it, as strace."""
    process = subprocess.Popen(
        tied([*under, *tied([python, *program, "run", *map(str, args), "--port", str(port), "--log-format", "json"])]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )
    server = Server(process)
    follower = threading.Thread(target=server.follow, daemon=True)
    follower.start()
    try:
        if wait:
            server.wait_ready()
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        follower.join(10)
        assert process.stderr is not None
        process.stderr.close()


def wait_gone(pid: int) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        stat = Path(f"/proc/{pid}/stat")
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} outlived the server")
