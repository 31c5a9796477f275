"""Every project in examples/ does what its first lines say."""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from hotplate import Client
from hotplate.dialects import registry
from tests import scaffolds
from tests.serving import Server, serve

EXAMPLES = Path(__file__).parents[2] / "examples"
BERLIN, PARIS, ROME = ({"lat": 52.52, "lon": 13.405}, {"lat": 48.857, "lon": 2.352}, {"lat": 41.893, "lon": 12.483})


def test_every_example_is_listed():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    listed = (EXAMPLES / "README.md").read_text()
    expected = {"batching", "entry-point", "form-upload", "plain-function", "routes", "same-model", "streaming"}
    assert folders == expected
    assert all(f"[{name}]({name}/" in listed for name in folders)


def test_plain_functions():
    model = EXAMPLES / "plain-function/model.py"
    with serve(f"{model}:distance", f"{model}:nearest") as server:
        reply = server.post("/distance", {"start": BERLIN, "end": PARIS})
        assert reply.json()["output"] == pytest.approx(878, abs=2)
        places = {"Paris": PARIS, "Rome": ROME}
        assert server.post("/nearest", {"to": BERLIN, "places": places}).json()["output"] == "Paris"
        assert server.post("/nearest", {"to": BERLIN, "places": {"Rome": ROME}}).json()["output"] is None
        (problem,) = server.post("/distance", {"start": BERLIN, "end": {"lat": 1}}).json()["detail"]
        assert problem["loc"] == ["body", "end", "lon"]


SAME = EXAMPLES / "same-model"
JSON = {"content-type": "application/json"}
TENSOR = {"name": "petal_length", "shape": [1], "datatype": "FP64", "data": [5.0]}
OWN = {
    "service": ("/infer", {"petal_length": 5}, lambda tree: tree["output"]),
    "function": ("/classify", {"petal_length": 5}, lambda tree: tree["output"]),
    "input_schema": ("/v2/models/iris/infer", {"inputs": [TENSOR]}, lambda tree: tensors(tree)),
    "routes": ("/classify", {"petal_length": 5}, lambda tree: tree),
    "predictor": ("/iris", {"petal_length": 5}, lambda tree: tree),
    "entry_point": ("/v2/models/iris/predict/", {"petal_length": 5}, lambda tree: tree["predictions"]),
}
"""Path, body and answer of the same model as callers of each system know them."""


def tensors(tree):
    return {each["name"]: each["data"][0] for each in tree["outputs"]}


def test_every_dialect_has_the_same_model():
    folders = {path.name for path in SAME.iterdir() if path.is_dir()}
    assert folders == set(OWN) == set(registry.DIALECTS)
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"(same-model/{name}/" in listed for name in folders)


@pytest.mark.parametrize("dialect", OWN)
def test_the_same_model_answers_the_same_in_its_own_wire_and_in_both_standard_ones(dialect):
    path, body, own = OWN[dialect]
    iris = {"label": "versicolor", "size": 10.2}
    with serve(SAME / dialect) as server:
        assert own(server.post(path, body).json()) == iris
        assert server.post("/infer", {"petal_length": 5}).json()["output"] == iris
        assert tensors(server.post("/v2/models/iris/infer", {"inputs": [TENSOR]}).json()) == iris


@pytest.mark.parametrize("dialect", OWN)
def test_the_first_lines_of_the_same_model_do_what_they_say(dialect):
    """Run the curl command at the head of each file against the project."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    head = next(text for text in map(Path.read_text, (SAME / dialect).glob("*.py")) if "curl " in text)
    command = head[head.index("curl ") : head.index('"""\n\n')]
    with serve(SAME / dialect) as server:
        command = command.replace("localhost:8080", f"127.0.0.1:{server.port}")
        done = subprocess.run(["sh", "-c", f"{command.strip()} -s"], capture_output=True, text=True, check=True)
    assert "setosa" in done.stdout, done


def test_a_module_written_for_deepaas():
    form = {"content-type": "multipart/form-data; boundary=X", "accept": "text/csv"}
    part = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nthe two and two\r\n--X--\r\n'
    with serve(EXAMPLES / "entry-point") as server:
        path = "/v2/models/word_count/predict/"
        counted = server.request("POST", f"{path}?text=one+two+two&most=1")
        assert counted.json() == {"words": 3, "most": [["two", 2]]}
        table = server.request("POST", path, part, form)
        assert (table.headers["content-type"], table.body) == ("text/csv", b"two,2\n")


def test_a_stream_comes_piece_by_piece_and_streams_share_a_thread():
    with serve(EXAMPLES / "streaming") as server:
        words = list(Client().infer_stream(f"{server.url}/infer", {"prompt": "or not to"}))
        assert words[:2] == ["be", "or"]
        assert len(words) == 8

        def listen(_: int) -> float:
            """Give the seconds to the end of a stream that takes at least 0.8 s."""
            began = time.monotonic()
            pieces = list(Client().infer_stream(f"{server.url}/infer", {"prompt": "to", "words": 4, "pause_s": 0.2}))
            assert len(pieces) == 4
            return time.monotonic() - began

        began = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            assert all(took >= 0.8 for took in pool.map(listen, range(6)))
        assert time.monotonic() - began < 6 * 0.8


def test_calls_are_answered_in_batches_and_a_bad_one_fails_alone():
    texts = ["abba", "Hotplate", "123", "zzz"] * 4
    with serve(EXAMPLES / "batching") as server:
        with ThreadPoolExecutor(len(texts)) as pool:
            replies = list(pool.map(lambda text: server.post("/infer", {"text": text}), texts))
        for text, reply in zip(texts, replies, strict=True):
            if text == "123":
                assert reply.status == 400
                assert reply.json()["detail"] == "The text has no letter from a to z."
            else:
                assert sum(number**2 for number in reply.json()["output"]) == pytest.approx(1)
        assert replies[0].json()["output"][:3] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
        assert 1 <= server.count("A batch of ") < len(texts)


def test_an_upload():
    table = "city;people\nBerlin;3.7\nParis;2.1\n"
    with serve(EXAMPLES / "form-upload") as server:
        assert upload(server, table) == {
            "file": "cities.csv",
            "bytes": len(table),
            "columns": ["city", "people"],
            "rows": 2,
            "means": {"people": pytest.approx(2.9)},
        }
        assert scaffolds.infer(server, text="a,b\n1,2\n")["means"] == {"a": 1, "b": 2}


def upload(server: Server, table: str) -> dict[str, object]:
    files = {"file": ("cities.csv", table.encode())}
    reply = httpx.post(f"{server.url}/table", files=files, data={"separator": ";"})
    assert reply.status_code == 200, reply.text
    return reply.json()["output"]


def test_functions_at_routes_as_on_proximl():
    with serve(EXAMPLES / "routes") as server:
        text = "to be or not to be"
        assert server.post("/predict", {"text": text}).json() == {"words": 6, "most": [["to", 2], ["be", 2]]}
        assert server.post("/predict", {"text": text, "most": "1", "ignored": ["to"]}).json()["most"] == [["be", 2]]
        assert server.get("/count?word=be&text=to+be+or+not+to+be").json() == 2
