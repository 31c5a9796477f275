"""Somebody who looks at the dashboard: signed in, with pages open that follow what changes.

Asks as a browser does (control/ui/static/live.js): once for a page, then for its events until it is left. What a
browser takes to draw them is left out: it takes that of the machine where the person sits.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

from bench.records import BenchError
from bench.servers import HOST, Server

EVENTS = {"accept": "text/event-stream"}
PATIENCE_S = 20.0


class Onlooker:
    """One person. `signed_in` is what the browser would keep."""

    def __init__(self, server: Server) -> None:
        home = server.scratch / "home"
        url = json.loads((home / "run" / "supervisor.json").read_text())["control_url"]
        self._port = urlsplit(str(url)).port or 80
        form = {"origin": f"http://{HOST}:{self._port}", "content-type": "application/x-www-form-urlencoded"}
        body = urlencode({"token": (home / "admin-token").read_text().strip()})
        answer = self._ask("POST", "/ui/sign-in", form, body)
        self._cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        if answer.status != 303 or not self._cookie:
            raise BenchError(f"The dashboard let nobody in: status {answer.status}.\n{server.log()}")

    @contextmanager
    def looking(self, paths: tuple[str, ...], changes: int = 1) -> Iterator[None]:
        """Keep these pages open inside. Raises BenchError where one of them was told of fewer changes."""
        tabs = [Tab(self._open(path), path) for path in paths]
        try:
            yield
        finally:
            for tab in tabs:
                tab.leave()
        for tab in tabs:
            if tab.changes < changes:
                raise BenchError(f"{tab.path} was open and was told of {tab.changes} changes, not {changes}.")

    def _open(self, path: str) -> http.client.HTTPResponse:
        for headers in ({}, EVENTS):
            answer = self._ask("GET", path, {"cookie": self._cookie, **headers}, whole=not headers)
            if answer.status != 200:
                raise BenchError(f"The dashboard's page {path} answered {answer.status}.")
        return answer

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None, *, whole: bool = True
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE_S)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        if whole:
            answer.read()
            connection.close()
        return answer


class Tab:
    """A page that is open until it is left. `changes` is how many events came."""

    def __init__(self, answer: http.client.HTTPResponse, path: str) -> None:
        self.path = path
        self.changes = 0
        self._answer = answer
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Close the connection, as a browser does."""
        with socket.socket(fileno=socket.dup(self._answer.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._answer.close()

    def _read(self) -> None:
        try:
            while line := self._answer.readline():
                self.changes += line.startswith(b"event: ")
        except (OSError, http.client.HTTPException):
            return
