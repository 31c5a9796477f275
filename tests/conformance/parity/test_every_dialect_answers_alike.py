"""The same model in six dialects, through `plain` and through `open_inference`: the same answers, the same refusals.

What a dialect cannot say or says differently is in `differences.py`, with the reason. Nothing else may differ.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from hotplate.dialects import registry
from tests.conformance.parity import differences
from tests.conformance.parity.calls import FACES, Told, as_tensors
from tests.conformance.parity.cases import BODIES, BOTH, CASES, JSON, REFUSED, answer
from tests.conformance.parity.projects import PROJECTS
from tests.peers import triton_python
from tests.serving import Server, serve

DIALECTS = tuple(PROJECTS)
MODELS = ("main", "stream", "upload", "async", "batch")
STATUS_OF_REFUSAL = {"plain": {400, 415, 422}, "open_inference": {400}}
EVERYWHERE = [pytest.param(dialect, marks=pytest.mark.xdist_group(f"parity-{dialect}")) for dialect in DIALECTS]
ASKED = [(name, face) for name, case in CASES.items() for face in case.faces]
each_dialect = pytest.mark.parametrize("dialect", EVERYWHERE)
each_face = pytest.mark.parametrize("face", BOTH)


def test_every_dialect_and_every_difference_is_here():
    assert set(DIALECTS) == set(registry.DIALECTS)
    written = {(dialect, model) for dialect in DIALECTS for model in PROJECTS[dialect]}
    lacking = {(dialect, model) for dialect in DIALECTS for model in MODELS} - written
    assert lacking == set(differences.NOT_WRITTEN)
    cases = {case for _, case in (*differences.ANSWERS, *differences.TENSORS)}
    assert cases <= set(CASES)


def expected(dialect: str, name: str, face: str):
    """What must come back: the model's answer, or REFUSED."""
    key = (dialect, name)
    changed = CASES[name].back
    if face == "open_inference" and key in differences.TENSORS:
        changed = differences.TENSORS[key][0]
    elif key in differences.ANSWERS and (face == "plain" or key not in differences.ONLY_PLAIN):
        changed = differences.ANSWERS[key][0]
    return REFUSED if changed == REFUSED else answer(CASES[name].sent, changed)


@each_dialect
@pytest.mark.parametrize(("name", "face"), ASKED, ids=[f"{name}-{face}" for name, face in ASKED])
def test_a_call_is_answered_or_refused_alike(servers, dialect, name, face):
    server = servers.get(dialect)
    before = servers.reached(dialect)
    got = FACES[face](server, CASES[name].sent)
    wanted = expected(dialect, name, face)
    if wanted == REFUSED:
        assert got.status in STATUS_OF_REFUSAL[face], got
        assert got.text
        assert servers.reached(dialect) == before
        return
    assert got.status == 200, got
    assert got.values == (wanted if face == "plain" else as_tensors(wanted))
    assert servers.reached(dialect) == before + 1


@each_dialect
@each_face
def test_a_refusal_says_where_and_why(servers, dialect, face):
    got = FACES[face](servers.get(dialect), {"text": "a", "times": "many"})
    assert "times" in got.text
    assert ("does not fit" if dialect == "predictor" else "int") in got.text.lower()
    assert "error, [" not in got.text.lower()  # no list or dict of another library's shows through


@each_dialect
@each_face
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_call_never_reaches_the_model(servers, dialect, face, name):
    server = servers.get(dialect)
    before = servers.reached(dialect)
    body, content_type = BODIES[name]
    path = "/infer" if face == "plain" else "/v2/models/parity/infer"
    reply = server.request("POST", path, body, {"content-type": content_type})
    assert reply.status in STATUS_OF_REFUSAL[face], reply
    assert reply.headers["content-type"] == JSON
    assert reply.json()
    assert servers.reached(dialect) == before


@each_dialect
def test_a_body_without_a_type_is_json(servers, dialect):
    reply = servers.get(dialect).request("POST", "/infer", b'{"text": "a"}', {"content-type": ""})
    assert reply.json()["output"] == answer({"text": "a"})


@each_dialect
@each_face
def test_a_body_over_the_limit_is_refused(servers, dialect, face):
    server = servers.get(dialect)
    got = FACES[face](server, {"text": "a" * (10 << 20)})
    assert got.status == 413
    assert "10" in got.text


# -- models that misbehave -------------------------------------------------------------------------------------


@each_dialect
@each_face
@pytest.mark.parametrize("text", ["!raise", "!exit", "!interrupt", "!set"])
def test_what_an_exception_says_stays_in_the_log(servers, dialect, face, text):
    server = servers.get(dialect)
    got = FACES[face](server, {"text": text})
    assert got.status == 500
    assert "secret" not in got.text
    assert FACES[face](server, {"text": "a"}).status == 200  # the same worker goes on
    if text == "!raise":
        server.wait_for_line("a secret of the author's")


@each_dialect
@each_face
def test_what_the_author_says_to_callers_arrives(servers, dialect, face):
    got = FACES[face](servers.get(dialect), {"text": "!told"})
    assert (got.status, got.text) == (409, "this one is for you")


@each_dialect
@each_face
def test_numbers_that_json_does_not_have_become_null(servers, dialect, face):
    got = FACES[face](servers.get(dialect), {"text": "!nan"})
    assert got.values == ({"text": None} if face == "plain" else {"text": [None]})


@each_dialect
@each_face
def test_a_worker_that_dies_fails_its_call_alone(servers, dialect, face):
    server = servers.get(dialect)
    got = FACES[face](server, {"text": "!die"})
    assert got.status == 502
    assert "is being replaced" in got.text
    assert FACES[face](server, {"text": "a"}).status == 200


# -- the life of an endpoint -----------------------------------------------------------------------------------


@contextmanager
def busy(server: Server, call: Callable[..., Told], gate: Path) -> Iterator[Future[Told]]:
    """Keep the model at work as long as the block runs."""
    gate.write_text("")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call, server, {"text": f"!{gate}"}, 60.0)
        try:
            server.wait_for(lambda _: gate.with_suffix(".begun").exists() or future.done(), "the call to begin")
            yield future
        finally:
            gate.unlink(missing_ok=True)


@each_dialect
def test_callers_are_told_that_it_is_not_ready_and_that_it_is_full_and_may_leave(servers, dialect, tmp_path):
    project = PROJECTS[dialect]["main"]
    folder = servers.folder(dialect, "main")
    gate = tmp_path / "gate"
    gate.write_text("")
    targets = project.targets or (folder,)
    with serve(*targets, "--queue-size", "1", cwd=folder, env={"GATE": str(gate)}, wait=False) as server:
        try:
            server.wait_for(lambda running: running.port, "a port")
            for call in FACES.values():
                not_ready(call, server)
            assert server.get("/readyz").status == 503
        finally:
            gate.unlink()
        server.wait_ready()
        for face, call in FACES.items():
            overloaded(server, call, tmp_path / f"{face}-full")
            left_alone(server, face, tmp_path / f"{face}-left")


def not_ready(call: Callable[..., Told], server: Server) -> None:
    got = call(server, {"text": "a"})
    assert got.status == 503
    assert int(got.retry_after) >= 1
    assert got.text in ("LAUNCH_PREDICT_LOOP", "SETUP_SERVICE", "UNINITIALIZED", "The model is not ready."), got


def overloaded(server: Server, call: Callable[..., Told], gate: Path) -> None:
    """Of many calls behind one that does not end, those past the queue are refused while it runs."""
    with ThreadPoolExecutor(12) as pool:
        with busy(server, call, gate) as running:
            behind = [pool.submit(call, server, {"text": "a"}, 60.0) for _ in range(12)]
            refused = server.wait_for(lambda _: [each for each in behind if each.done()], "a refusal")[0].result()
            assert refused.status == 503
            assert int(refused.retry_after) >= 1
            assert "queue is full" in refused.text
            assert not running.done()
        assert running.result().status == 200
        assert {each.result().status for each in behind} == {200, 503}


@each_dialect
def test_a_call_that_takes_too_long_is_ended(servers, dialect, tmp_path):
    project = PROJECTS[dialect]["main"]
    folder = servers.folder(dialect, "main")
    with serve(*(project.targets or (folder,)), "--timeout", "1s", cwd=folder) as server:
        for face, call in FACES.items():
            gate = tmp_path / face
            while not gate.with_suffix(".begun").exists():  # on a busy machine its time may be up before it begins
                with busy(server, call, gate) as running:
                    assert running.result().status == 504
                server.wait_for(lambda _, call=call: call(server, {"text": "a"}).status == 200, "the next answer")


def left_alone(server: Server, face: str, gate: Path) -> None:
    """A caller that goes away is not waited for, and what comes next is answered."""
    gate.write_text("")
    path, body = ("/infer", b'{"text": "!%b"}' % bytes(gate))
    if face == "open_inference":
        tensor = b'{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["!%b"]}' % bytes(gate)
        path, body = "/v2/models/parity/infer", b'{"inputs": [%b]}' % tensor
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {JSON}\r\ncontent-length: {len(body)}\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(head.encode() + body)
        server.wait_for(lambda _: gate.with_suffix(".begun").exists(), "the call to begin")
    gate.unlink()
    assert FACES[face](server, {"text": "a"}).status == 200


# -- models of other kinds -------------------------------------------------------------------------------------


def written(model: str) -> list:
    return [
        pytest.param(dialect, marks=pytest.mark.xdist_group(f"parity-{dialect}"))
        for dialect in DIALECTS
        if model in PROJECTS[dialect]
    ]


@pytest.mark.parametrize("dialect", written("async"))
def test_coroutines_share_a_worker(servers, dialect):
    """Each waits for the others in the author's code: one after the other, none would ever end."""
    server = servers.get(dialect, "async")
    for face in BOTH:
        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(lambda n, face=face: FACES[face](server, {"text": f"text {n}"}), range(4)))
        assert [f"text {n}" in str(each.values) for n, each in enumerate(got)] == [True] * 4, got


@pytest.mark.parametrize("dialect", written("batch"))
def test_calls_that_wait_together_run_together(servers, dialect):
    server = servers.get(dialect, "batch")
    for face in BOTH:
        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(lambda n, face=face: FACES[face](server, {"n": n}), range(8)))
        pairs = [each.values for each in got]
        flat = [pair["output"] if isinstance(pair, dict) else pair for pair in pairs]
        assert [pair[0] for pair in flat] == list(range(8)), got
        assert max(pair[1] for pair in flat) > 1


@pytest.mark.parametrize("dialect", written("stream"))
def test_a_stream_comes_in_pieces(servers, dialect):
    server = servers.get(dialect, "stream")
    reply = server.post("/infer", {"count": 3})
    assert reply.headers["content-type"].startswith("text/event-stream")
    pieces = [line[6:] for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    inner = '{"output":%d}' if dialect == "input_schema" else "%d"
    assert pieces == [*(inner % n for n in range(3)), "[DONE]"]
    reply = server.post("/v2/models/parity/generate_stream", {"count": 3})
    assert [f'"output":{n}' in line for n, line in enumerate(reply.body.decode().split("\n\n")[:-1])] == [True] * 3
    assert server.post("/infer", {"count": "x"}).status == 422
    assert server.post("/v2/models/parity/generate_stream", {"count": "x"}).status == 400


CONTENT = bytes(range(256)) * 8
PART = b'--X\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n%b\r\n--X--\r\n' % CONTENT
WAYS = {
    "json": (b'{"data": "%b"}' % base64.b64encode(CONTENT), JSON),
    "form": (PART, "multipart/form-data; boundary=X"),
    "raw": (CONTENT, "application/octet-stream"),
}


@each_dialect
@pytest.mark.parametrize("way", WAYS)
def test_a_file_comes_in_and_another_goes_out(servers, dialect, way):
    server = servers.get(dialect, "upload")
    body, content_type = WAYS[way]
    reply = server.request("POST", "/infer", body, {"content-type": content_type})
    if way not in differences.FILES[dialect][0]:
        # the predictor below takes bytes, and its author's code fails for an object
        assert reply.status == (500 if (dialect, way) == ("predictor", "json") else 415), reply
        return
    output = reply.json()["output"]
    text = output if isinstance(output, str) else next(iter(output.values()))
    assert base64.b64decode(text) == CONTENT[::-1]


@each_dialect
def test_a_file_comes_in_and_goes_out_as_a_tensor(servers, dialect):
    server = servers.get(dialect, "upload")
    name = "payload" if dialect == "predictor" else "data"
    as_bytes = "tensor" in differences.FILES[dialect][0]
    data = CONTENT if as_bytes else base64.b64encode(CONTENT)
    raw = struct.pack("<I", len(data)) + data
    entry = {"name": name, "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    headers = {"inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    reply = server.post("/v2/models/parity/infer", head + raw, headers=headers)
    assert reply.status == 200, reply
    back = reply.body[int(reply.headers["inference-header-content-length"]) + 4 :]
    assert (back if dialect in ("service", "function", "predictor") else base64.b64decode(back)) == CONTENT[::-1]


@pytest.mark.peer
@each_dialect
def test_tritonclient_gets_the_same_answer(servers, dialect):
    server = servers.get(dialect)
    command = [triton_python(), Path(__file__).with_name("tritonclient_driver.py"), f"127.0.0.1:{server.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    sent = {"text": "ü", "times": 3, "scale": 1.5, "loud": True, "numbers": [4, 5]}
    assert json.loads(done.stdout) == as_tensors(answer(sent))


def test_the_page_on_dialects_has_every_difference():
    page = (Path(__file__).parents[3] / "docs/dialects.md").read_text()
    for (dialect, case), (_, why) in {**differences.ANSWERS, **differences.TENSORS}.items():
        assert f"| `{dialect}` | {case} | " in page, (dialect, case)
        assert why in page
    for (dialect, model), why in differences.NOT_WRITTEN.items():
        assert f"| `{dialect}` | {model} | {why} |" in page, (dialect, model)
    for dialect, (_, why) in differences.FILES.items():
        assert why in page, dialect
