"""The `octoai.client` shim and the real octoai-sdk 0.10.1, driven alike against the same server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from peers import octoai_python
from scripted import Reply, scripted_server

DRIVER = Path(__file__).with_name("octoai_client_driver.py")
OF_INTEREST = ("accept", "authorization", "content-type", "content-length", "transfer-encoding", "x-octoai-async")
SSE = {"content-type": "text/event-stream"}

DIFFERENT_ON_PURPOSE = {
    # Real: logs that a cold start may take minutes, for a redirect too. It is not one.
    ("health 307", "logs"),
    # Real: the text is that of a tuple, "('d', ValueError('c'))".
    ("text of an error with a cause", "outcome"),
}


def run(python: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with scripted_server() as server:
        detail = {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": {}}]}
        server.on("/ok", Reply({"output": "Hello world!", "analytics": {"inference_time_ms": 1.0}}))
        server.on("/ok-get", Reply({"status": "RUNNING"}))
        server.on("/created", Reply({"output": 1}, 201))
        server.on("/moved", Reply(b"", 307, {"location": "/ok"}))
        server.on("/422", Reply(detail, 422))
        server.on("/499", Reply(b"gone", 499))
        server.on("/500-id", Reply(b"Internal Server Error", 500, {"X-User-Request-ID": "r-7"}))
        server.on("/500-then-good", Reply(b"x", 500), Reply(b"x", 503), Reply({"output": 1}))
        server.on("/502", Reply(b"Bad Gateway", 502))
        server.on("/429", Reply({"detail": "slow"}, 429))
        server.on("/503-then-422", Reply(b"x", 503), Reply(detail, 422))
        server.on("/html", Reply(b"<html>"))
        events = [b'data: {"token": "a"}\n\n', b'data:{"token": "b"}\n\n', b"data: [DONE]\n\n", b"ignored\n\n"]
        server.on("/stream", *[Reply(events, headers=SSE)] * 3)
        server.on("/stream-open", Reply(events[:2], headers=SSE))
        server.on("/stream-malformed", Reply([b"data: 1\n\n", b"nonsense\n\n"], headers=SSE))
        server.on("/starts", Reply({}, 503), Reply({}, 503), Reply({}))
        started = {"response_id": "r-1", "poll_url": f"{server.url}/done"}
        server.on("/async", Reply(started, 201))
        server.on("/async-late", Reply(b"", 503), Reply(started, 201))
        server.on("/pending", Reply({"status": "pending"}, 202))
        server.on("/done", Reply({"status": "completed", "response_url": f"{server.url}/ok"}))
        server.on("/gone", Reply({"status": "completed", "response_url": f"{server.url}/nope"}))
        environment = {"PATH": os.environ["PATH"], "HOME": str(DRIVER.parent)}
        done = subprocess.run(
            [python, DRIVER, server.url], check=True, capture_output=True, env=environment, timeout=100, cwd="/"
        )
        asked = [
            {
                "case": seen.headers["x-case"],
                "line": (seen.method, seen.path),
                "headers": {name: seen.headers.get(name) for name in OF_INTEREST if name != "content-length"},
                "has length": "content-length" in seen.headers,
                "body": json.loads(seen.body) if seen.body else None,
            }
            for seen in server.seen
        ]
        results = json.loads(done.stdout.replace(server.url.encode(), b"URL"))
        return results, asked


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    return run(octoai_python()), run(Path(sys.executable))


@pytest.mark.peer
def test_the_same_requests_go_out(both: tuple[Any, Any]) -> None:
    (_, theirs), (_, ours) = both
    assert ours == theirs
    assert len(ours) > 50


@pytest.mark.peer
def test_the_same_comes_back(both: tuple[Any, Any]) -> None:
    (theirs, _), (ours, _) = both
    assert ours.keys() == theirs.keys()
    for case, found in theirs.items():
        for what, value in found.items():
            if (case, what) in DIFFERENT_ON_PURPOSE:
                assert ours[case][what] != value, f"{case} no longer differs: take it from the table"
            else:
                assert ours[case][what] == value, (case, what)


@pytest.mark.peer
def test_the_cases_tell_something(both: tuple[Any, Any]) -> None:
    """A driver that failed everywhere would agree with itself."""
    ours = both[1][0]
    assert ours["infer"]["outcome"] == {"value": {"output": "Hello world!", "analytics": {"inference_time_ms": 1.0}}}
    assert ours["infer 502 for ever"]["sleeps"] == [1.5, 2.5, 4.5, 8.5]
    assert ours["infer 429 for ever"]["outcome"]["text"] == 'Rate limit reached error: 429 {"detail": "slow"}'
    assert ours["infer refused"]["outcome"]["error"][0] == "httpx.ConnectError"
    assert ours["health starts"]["sleeps"] == [1.0, 1.0]
    assert len(ours["health starts"]["logs"]) == 1
