"""The server of octoai-sdk 0.10.1, and requests to it and to ours that are the same byte for byte."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.http.octoai_requests import Request
from tests.peers import octoai_python

DRIVER = Path(__file__).with_name("octoai_server.py")
START_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_json(self) -> bool:
        return bool(self.body) and self.headers.get("content-type") == "application/json"

    @property
    def value(self) -> Any:
        """What the body says, without the times that no two answers share."""
        if not self.is_json:
            return self.body
        value = json.loads(self.body)
        if isinstance(value, dict) and set(value) == {"output", "analytics"}:
            return list(value), value["output"], list(value["analytics"])
        return value


@contextmanager
def octoai_server(folder: Path, env: Mapping[str, str], *, ready: bool = True) -> Iterator[int]:
    """`python -m octoai.server run` in a folder; gives its port once it answers, or once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "octoai.log").open("w+") as log:
        process = subprocess.Popen(
            [octoai_python(), DRIVER, "run", "--port", str(port)],
            cwd=folder,
            env={**os.environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        try:
            until = time.monotonic() + START_S
            while not _answers(port, ready=ready):
                assert process.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < until, Path(log.name).read_text()
                time.sleep(0.05)
            yield port
        finally:
            os.killpg(process.pid, 9)  # its worker too; after an answer that hangs no signal would end it
            process.wait()


def _answers(port: int, *, ready: bool) -> bool:
    try:
        state = json.loads(ask(port, Request(method="GET", path="/healthcheck")).body)["status"]
    except OSError:
        return False
    return state in (("RUNNING",) if ready else ("SETUP_SERVICE", "RUNNING"))


def ask(port: int, request: Request, timeout_s: float = 60.0) -> Answer:
    """Send a request and give the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        named = {name.lower() for name in request.headers}
        connection.putrequest(request.method, request.path, skip_host="host" in named, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if request.body is not None:
            connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body)
        answer = connection.getresponse()
        headers = {name.lower(): value.replace(str(port), "PORT") for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read())
    finally:
        connection.close()
