"""With traces on, a call is a span of the server's with one of the worker's in it, in which the author's own spans lie.

The collector is a real one of OTLP over HTTP, in this process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from otlp import Collector, Span, collector
from serving import Server, serve, write_project

from tests.fleet import endpoint, revision_of, scaling, serve_fleet, token

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
SERVER_KIND, INTERNAL_KIND = 2, 1
MODEL = """
import os, signal
from collections.abc import Iterator
from hotplate import batch
from opentelemetry import trace

tracer = trace.get_tracer("author")


def plain(text: str) -> str:
    with tracer.start_as_current_span("tokenize"):
        return text


def fails() -> str:
    raise ValueError("no")


def dies() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def pieces(count: int) -> Iterator[str]:
    for number in range(count):
        with tracer.start_as_current_span(f"piece {number}"):
            yield str(number)


@batch(max_size=4)
def many(text: list[str]) -> list[str]:
    return text
"""
ASYNC = """
import asyncio
from collections.abc import AsyncIterator
from opentelemetry import trace

tracer = trace.get_tracer("author")


async def waits(text: str) -> str:
    with tracer.start_as_current_span(text):
        await asyncio.sleep(0.05)
        return text


def threaded(text: str) -> str:
    with tracer.start_as_current_span(text):
        return text


async def flows(text: str) -> AsyncIterator[str]:
    for number in range(2):
        with tracer.start_as_current_span(f"{text} {number}"):
            yield text
"""


@pytest.fixture(scope="module")
def there() -> Iterator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
def model(there: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    names = ("plain", "fails", "dies", "pieces", "many")
    yaml = f"name: traced\nfaces: [mcp]\nfunctions: [{', '.join(f'model.py:{name}' for name in names)}]\n"
    folder = write_project(tmp_path_factory.mktemp("traced"), {"model.py": MODEL, "hotplate.yaml": yaml})
    with serve(folder, env=there.environment) as server:
        yield server


def around(there: Collector, path: str, **attributes: Any) -> tuple[Span, Span]:
    """The span of the server and that of the worker."""
    outer = there.named(f"POST {path}", **attributes)
    inner = there.wait_for(lambda spans: [s for s in spans if s.parent_id == outer.span_id])
    assert [s.name for s in inner] == [f"worker {path}"]
    return outer, inner[0]


def test_a_call_is_a_span_in_the_callers_trace_and_holds_the_authors_own(model: Server, there: Collector) -> None:
    assert model.post("/plain", {"text": "a"}, headers=SENT | {"x-request-id": "one"}).status == 200
    outer, inner = around(there, "/plain", hotplate__request_id="one")
    own = there.named("tokenize")
    assert (outer.trace_id, outer.parent_id, outer.kind) == (TRACE, PARENT, SERVER_KIND)
    assert (inner.trace_id, inner.kind) == (TRACE, INTERNAL_KIND)
    assert (own.trace_id, own.parent_id) == (TRACE, inner.span_id)
    assert (outer.service, own.service) == ("hotplate", "traced")
    assert outer.begun_ns <= inner.begun_ns <= own.begun_ns <= own.ended_ns <= inner.ended_ns <= outer.ended_ns
    assert outer.attributes["http.response.status_code"] == 200
    assert outer.attributes["http.route"] == "/plain"
    assert outer.attributes["hotplate.endpoint"] == "traced"
    assert outer.attributes["hotplate.cold_start"] is False
    assert 0 <= outer.attributes["hotplate.queue_wait_s"] < 10
    assert inner.attributes["hotplate.replica"] == 1


def test_without_a_caller_that_traces_a_call_begins_a_trace(model: Server, there: Collector) -> None:
    for odd in ("", "00-zz-1-01", f"00-{'0' * 32}-{PARENT}-01"):
        model.post("/plain", {"text": "a"}, headers={"traceparent": odd, "x-request-id": f"odd-{len(odd)}"})
        outer, inner = around(there, "/plain", hotplate__request_id=f"odd-{len(odd)}")
        assert (outer.parent_id, inner.trace_id) == ("", outer.trace_id)
        assert outer.trace_id not in (TRACE, "0" * 32)


def test_a_trace_that_is_not_sampled_stays_so(model: Server, there: Collector) -> None:
    unsampled = "5" * 32
    model.post("/plain", {"text": "a"}, headers={"traceparent": f"00-{unsampled}-{PARENT}-00"})
    model.post("/plain", {"text": "a"}, headers={"x-request-id": "after"})
    around(there, "/plain", hotplate__request_id="after")
    assert [s for s in there.spans if s.trace_id == unsampled] == []


def test_what_fails_is_marked_with_the_type_alone(model: Server, there: Collector) -> None:
    assert model.post("/fails", headers={"x-request-id": "bad"}).status == 500
    outer, inner = around(there, "/fails", hotplate__request_id="bad")
    assert outer.failed and inner.failed
    assert inner.attributes["error.type"] == "ValueError"


def test_a_refused_input_has_no_function_to_time(model: Server, there: Collector) -> None:
    assert model.post("/plain", {}, headers={"x-request-id": "missing"}).status == 422
    outer, inner = around(there, "/plain", hotplate__request_id="missing")
    assert not outer.failed and not inner.failed


def test_a_worker_that_dies_leaves_its_span(model: Server, there: Collector) -> None:
    assert model.post("/dies").status == 502
    outer, inner = around(there, "/dies")
    assert outer.failed and inner.failed
    model.wait_for(lambda s: s.count("-> State.RUNNING") >= 2, "another worker")


def test_streams_and_batches(model: Server, there: Collector) -> None:
    assert model.post("/pieces", {"count": 2}, headers={"accept": "text/event-stream"}).status == 200
    outer, inner = around(there, "/pieces")
    assert {there.named(f"piece {number}").parent_id for number in range(2)} == {inner.span_id}
    assert model.post("/many", {"text": "a"}).json()["output"] == "a"
    around(there, "/many")


def test_a_call_of_a_tool_is_traced_and_a_message_that_needs_no_worker_is_not(model: Server, there: Collector) -> None:
    def ask(method: str, params: dict[str, Any], name: str) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"accept": "application/json, text/event-stream", "x-request-id": name}
        return model.post("/mcp", body, headers=headers)

    assert ask("tools/list", {}, "mcp-list").status == 200
    called = ask("tools/call", {"name": "plain", "arguments": {"text": "a"}}, "mcp-call")
    assert called.status == 200, called.body
    outer, inner = around(there, "/mcp", hotplate__request_id="mcp-call")
    assert inner.trace_id == outer.trace_id
    assert not [s for s in there.spans if s.attributes.get("hotplate.request_id") == "mcp-list"]


def test_tasks_and_threads_keep_their_calls_apart(there: Collector, tmp_path: Path) -> None:
    yaml = "functions: [a.py:waits, a.py:threaded, a.py:flows]\nslots: 4\n"
    write_project(tmp_path, {"a.py": ASYNC, "hotplate.yaml": yaml})
    script = """
import asyncio, httpx, sys
async def main():
    async with httpx.AsyncClient(base_url=sys.argv[1]) as client:
        await asyncio.gather(*(
            client.post(f"/{path}", json={"text": f"{path}-{n}"}, headers={"x-request-id": f"{path}-{n}"})
            for n in range(6) for path in ("waits", "threaded", "flows")
        ))
asyncio.run(main())
"""
    with serve(tmp_path, env=there.environment) as server:
        subprocess.run([sys.executable, "-c", script, server.url], check=True, timeout=60)
        for n in range(6):
            for path in ("waits", "threaded", "flows"):
                _, inner = around(there, f"/{path}", hotplate__request_id=f"{path}-{n}")
                own = there.named(f"{path}-{n} 0" if path == "flows" else f"{path}-{n}")
                assert (own.trace_id, own.parent_id) == (inner.trace_id, inner.span_id)


CALLER = """
from hotplate.client import endpoint
from opentelemetry import trace


def ask(text: str) -> str:
    with trace.get_tracer("author").start_as_current_span("asking"):
        return endpoint("second").infer({"text": text}, route="/answer")["output"]


def bare(text: str) -> str:
    return endpoint("second").infer({"text": text}, route="/answer")["output"]
"""


def test_a_call_to_another_endpoint_goes_on_in_the_same_trace(there: Collector, tmp_path: Path) -> None:
    first = write_project(
        tmp_path / "a", {"model.py": CALLER, "hotplate.yaml": "functions: [model.py:ask, model.py:bare]\n"}
    )
    answer = "def answer(text: str) -> str:\n    return text.upper()\n"
    second = write_project(tmp_path / "b", {"model.py": answer, "hotplate.yaml": "functions: [model.py:answer]\n"})
    caller = token("invoke")
    with serve_fleet(tmp_path / "home", there.environment) as fleet:
        fleet.publish(
            endpoint("first", revision_of(first, "one"), scaling=scaling()),
            endpoint("second", revision_of(second, "two"), scaling=scaling()),
            tokens=[caller],
        )
        assert fleet.post("/first/ask", {"text": "a"}, caller.headers).json()["output"] == "A"
        outer, inner = around(there, "/ask")
        assert outer.attributes["hotplate.cold_start"] is True
        assert outer.attributes["hotplate.cold_start_s"] > 0
        assert outer.attributes["hotplate.revision"] == "one"
        assert outer.attributes["url.path"] == "/first/ask"
        asking = there.named("asking")
        assert asking.parent_id == inner.span_id
        answered = there.named("POST /answer")
        assert (answered.trace_id, answered.parent_id) == (outer.trace_id, asking.span_id)
        there.spans.clear()
        assert fleet.post("/first/bare", {"text": "a"}, caller.headers).json()["output"] == "A"
        outer, inner = around(there, "/bare")
        assert there.named("POST /answer").parent_id == inner.span_id


def test_without_a_collector_calls_are_answered_and_the_end_comes(tmp_path: Path) -> None:
    write_project(tmp_path, {"m.py": "def f() -> int:\n    return 1\n", "hotplate.yaml": "functions: [m.py:f]\n"})
    with serve(tmp_path, env={"HOTPLATE_TRACES": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as server:
        assert server.post("/f").status == 200
        assert server.terminate(30) == 0


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f() -> int:\n    return 1\n")
    hide = "import sys; sys.modules['opentelemetry.sdk'] = None; from hotplate.cli import main; sys.exit(main())"
    for words in (["run", "m.py:f"], ["up"]):
        done = subprocess.run(
            [sys.executable, "-c", hide, *words, "--port", "0"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HOTPLATE_HOME": str(tmp_path / "home"), "HOTPLATE_TRACES": "on"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert 'pip install "hotplate[otel]"' in done.stderr
