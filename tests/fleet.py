"""A server of many endpoints for tests: revisions described from folders, a snapshot, `python -m hotplate.server`."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from serving import Reply
from support.tied import tied

from hotplate.deployment import sealed, snapshot, tokens
from hotplate.deployment.home import Home
from hotplate.deployment.records import EndpointSpec, Revision, Scaling, Share, Snapshot, TokenSpec

PATIENCE_S = 30.0

DESCRIBE = """
import sys
from hotplate.cli.opening import open_project
from hotplate.config.resolve import resolve
from hotplate.contract.codec import encode_contract
from hotplate.dialects.registry import detect
from hotplate.server import describe
opened = open_project([sys.argv[1]])
match = detect(opened.project, dialect=opened.dialect)
contract = describe(opened.project, match, resolve().settings)
sys.stdout.buffer.write(match.dialect.encode() + b"\\n" + match.entry.encode() + b"\\n" + encode_contract(contract))
"""


@cache
def _described(folder: Path) -> tuple[str, str, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, str(folder)], capture_output=True, timeout=60, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr.decode()
    dialect, entry, contract = done.stdout.split(b"\n", 2)
    return dialect.decode(), entry.decode(), contract


def revision_of(folder: Path, digest: str, **more: Any) -> Revision:
    """The revision that a folder is, with the tests' own interpreter as its environment."""
    from hotplate.contract.codec import decode_contract

    dialect, entry, contract = _described(folder)
    return Revision(
        digest=digest,
        root=str(folder),
        python=sys.executable,
        dialect=dialect,
        entry=entry,
        contract=decode_contract(contract),
        **more,
    )


def endpoint(name: str, *revisions: Revision, generation: int = 1, **more: Any) -> EndpointSpec:
    """An endpoint whose traffic all goes to the last of its revisions."""
    traffic = (Share(revision=revisions[-1].digest, percent=100),)
    return EndpointSpec(**{"name": name, "generation": generation, "revisions": revisions, "traffic": traffic} | more)


@dataclass
class Token:
    text: str
    spec: TokenSpec

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.text}"}


def token(*scopes: str, **more: Any) -> Token:
    made = tokens.make()
    return Token(made.text, TokenSpec(id=made.id, hash=made.hash, scopes=scopes or ("invoke",), **more))  # type: ignore


@dataclass
class Fleet:
    """A home, and the processes that serve from it."""

    home: Home
    port: int
    number: int = 0
    endpoints: dict[str, EndpointSpec] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)

    # -- what is served

    def publish(self, *endpoints: EndpointSpec, tokens: list[Token] | None = None, wait: bool = True) -> None:
        """Publish these besides what there is, and wait until the server has them."""
        self.endpoints.update({spec.name: spec for spec in endpoints})
        if tokens is not None:
            self.tokens = tokens
        self._write(wait)

    def withdraw(self, name: str) -> None:
        del self.endpoints[name]
        self._write(wait=True)

    def _write(self, wait: bool) -> None:
        self.number += 1
        specs = tuple(each.spec for each in self.tokens)
        snapshot.write(
            self.home.snapshot,
            Snapshot(number=self.number, endpoints=tuple(self.endpoints.values()), tokens=specs),
        )
        if wait:
            assert self.reload() == 200
            assert self.state()["snapshot"] == self.number

    def reload(self) -> int:
        return _unix(self.home.server_socket, "POST", "/reload")[0]

    def state(self) -> dict[str, Any]:
        status, body = _unix(self.home.server_socket, "GET", "/state")
        assert status == 200, body
        return json.loads(body)

    def of(self, name: str) -> dict[str, Any]:
        return self.state()["endpoints"].get(name, {})

    def replicas(self, name: str) -> list[dict[str, Any]]:
        return [replica for revision in self.of(name).get("revisions", ()) for replica in revision["replicas"]]

    def settled(self, name: str, generation: int = 1) -> dict[str, Any]:
        """Wait until a generation of an endpoint is served, or has failed."""
        return self.wait_for(
            lambda: (
                (found := self.of(name)).get("generation") == generation
                and found["rollout"]["state"] != "rolling"
                and found
            ),
            f"generation {generation} of {name}",
        )

    def wait_for(self, found: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
        end = time.monotonic() + timeout_s
        while True:
            try:
                if result := found():
                    return result
            except OSError:
                pass
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not happen; the log:\n{self.log()[-4000:]}")
            time.sleep(0.02)

    def log(self) -> str:
        return (self.home.root / "test.log").read_text(errors="replace")

    # -- HTTP

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 30.0,
        port: int | None = None,
    ) -> Reply:
        sent = {"content-type": "application/json"} if body is not None else {}
        sent |= headers or {}
        data = json.dumps(body) if isinstance(body, dict | list) else body
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout_s)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
        return self.request("POST", path, {} if body is None else body, headers, **more)


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _unix(path: Path, method: str, target: str) -> tuple[int, bytes]:
    connection = _Unix(path)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def make_home(root: Path) -> Home:
    home = Home(root)
    home.make()
    sealed.make_key(home.key)
    return home


def environment(home: Home, env: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "HOTPLATE_HOME": str(home.root), "HOTPLATE_LOG_FORMAT": "json", **(env or {})}


@contextmanager
def serve_fleet(root: Path, env: Mapping[str, str] | None = None) -> Iterator[Fleet]:
    """A server of no endpoints yet, without a supervisor and without control."""
    home = make_home(root)
    listener = socket.create_server(("127.0.0.1", 0))
    with (home.root / "test.log").open("ab") as log:
        process = subprocess.Popen(
            tied([sys.executable, "-m", "hotplate.server", "--fd", str(listener.fileno())]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment(home, env),
            pass_fds=[listener.fileno()],
        )
    fleet = Fleet(home, listener.getsockname()[1])
    try:
        fleet.wait_for(lambda: fleet.get("/readyz").status == 200 and home.server_socket.exists(), "the server's start")
        yield fleet
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        listener.close()


def scaling(**more: Any) -> Scaling:
    return Scaling(**{"min_replicas": 0, "max_replicas": 2, "scale_down_delay_s": 0.5} | more)
