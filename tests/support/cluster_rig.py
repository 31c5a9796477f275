"""A Kubernetes API server for tests, on loopback: it keeps what is applied, plays the controllers that would act on it,
and gives the answers that it is told to give, word for word as a real API server gives them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cluster_state import NAMESPACE as NAMESPACE
from cluster_state import Answer as Answer
from cluster_state import Asked, Cluster
from cluster_state import status as status

_PATH = re.compile(
    r"/(?:api/v1|apis/[\w.]+/\w+)/namespaces/(?P<namespace>[\w-]+)/(?P<plural>\w+)(?:/(?P<name>[\w.-]+))?(?P<log>/log)?"
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def log_message(self, *words: Any) -> None:
        pass

    def _do(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(data) if data else None
        asked = Asked(
            self.command, url.path, query, body, {name.lower(): value for name, value in self.headers.items()}
        )
        with self.cluster.lock:
            self.cluster.asked.append(asked)
            if url.path.startswith("/v2/"):
                return self._registry(url.path)
            if asked.headers.get("authorization") != f"Bearer {self.cluster.token}":
                return self._say(401, status(401, "Unauthorized", "Unauthorized"))
            for each in self.cluster.answers:
                fits = each.method == self.command and url.path.endswith(each.path) and each.dry in (None, asked.dry)
                if fits and each.times:
                    each.times -= 1
                    return self._say(each.body["code"], each.body, each.headers)
            self._answer(asked)

    do_GET = do_PATCH = do_POST = do_DELETE = _do

    def _answer(self, asked: Asked) -> None:
        if asked.path == "/version":
            return self._say(200, {"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
        if asked.path == f"/api/v1/namespaces/{NAMESPACE}":
            return self._say(200, {"kind": "Namespace", "metadata": {"name": NAMESPACE}})
        found = _PATH.fullmatch(asked.path)
        if found is None or found["namespace"] != NAMESPACE:
            return self._say(404, status(404, "NotFound", "the server could not find the requested resource"))
        plural, name = found["plural"], found["name"]
        if found["log"]:
            return self._log(name, asked.query)
        if asked.query.get("watch"):
            return self._watch()
        if plural == "secrets":
            return self._found(
                plural, name, {"data": self.cluster.secrets[name]} if name in self.cluster.secrets else None
            )
        if asked.method == "PATCH":
            made = self.cluster.apply(plural, name, asked.body, dry=asked.dry)
            return self._say(200, made)
        if asked.method == "POST":
            return self._say(201, asked.body)
        if asked.method == "DELETE":
            return self._delete(plural, name, asked)
        if name:
            found_object = self.cluster.objects.get((plural, name))
            if found_object and found_object.get("steps"):
                found_object = {**found_object, "status": found_object["steps"].pop(0)}
            return self._found(plural, name, found_object)
        if plural == "events":
            return self._say(200, {"kind": "EventList", "items": self.cluster.events})
        wanted = [part.partition("=") for part in asked.query.get("labelSelector", "").split(",") if part]
        items = [
            each
            for (kind, _), each in self.cluster.objects.items()
            if kind == plural and _fits(each["metadata"].get("labels", {}), wanted)
        ]
        self._say(200, {"kind": "List", "items": items or None})

    def _delete(self, plural: str, name: str, asked: Asked) -> None:
        found = self.cluster.objects.get((plural, name))
        wanted = ((asked.body or {}).get("preconditions") or {}).get("uid")
        if found is not None and wanted not in (None, found["metadata"].get("uid")):
            text = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found['metadata']['uid']}"
            text = f'Operation cannot be fulfilled on {plural} "{name}": {text}'
            return self._say(409, status(409, "Conflict", text))
        if found is not None and not asked.dry:
            self.cluster.delete(plural, name)
        self._found(plural, name, found)

    def _found(self, plural: str, name: str, found: dict[str, Any] | None) -> None:
        if found is None:
            return self._say(404, status(404, "NotFound", f'{plural} "{name}" not found', name=name, kind=plural))
        self._say(200, found)

    def _watch(self) -> None:
        gone = {"type": "ERROR", "object": status(410, "Expired", "too old resource version: 1 (2)")}
        line = json.dumps(gone if self.cluster.watch_ends_gone else {"type": "MODIFIED", "object": {}})
        time.sleep(0.02)
        self._raw(200, line.encode() + b"\n", {"Content-Type": "application/json"})

    def _log(self, name: str, query: dict[str, str]) -> None:
        if query.get("previous") == "true" and self.cluster.outcome != "crash":
            text = f'previous terminated container "endpoint" in pod "{name}" not found'
            return self._say(400, status(400, "BadRequest", text))
        lines = self.cluster.logs.get(name, "").splitlines()[-int(query.get("tailLines", 1000)) :]
        told = [_stamped(line, query.get("sinceTime", "")) if query.get("timestamps") else line for line in lines]
        self._raw(200, "".join(f"{line}\n" for line in told if line).encode(), {"Content-Type": "text/plain"})

    def _registry(self, path: str) -> None:
        found = self.cluster.images.get(path)
        if found is None:
            body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            return self._say(404, body)
        self._raw(200, found, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})

    def _say(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._raw(code, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _raw(self, code: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _fits(labels: dict[str, str], wanted: list[tuple[str, str, str]]) -> bool:
    """`key=value`, or `key` alone, which has to be there."""
    return all(key in labels and (not equals or labels[key] == value) for key, equals, value in wanted)


def _stamped(line: str, since: str) -> str:
    """A line with its time, unless it is older than was asked for."""
    stamped = line if line.startswith("2026-") else f"2026-01-02T03:04:05.123456789Z {line}"
    return stamped if stamped[:19] >= since[:19] else ""


@contextmanager
def cluster_server() -> Iterator[Cluster]:
    """A cluster as long as this lasts."""
    cluster = Cluster()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": cluster}))
    server.daemon_threads = True
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
