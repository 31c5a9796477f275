"""Every project in examples/ does what its first lines say."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from hotplate import Client
from tests import scaffolds
from tests.serving import Server, serve

EXAMPLES = Path(__file__).parents[2] / "examples"
BERLIN, PARIS, ROME = ({"lat": 52.52, "lon": 13.405}, {"lat": 48.857, "lon": 2.352}, {"lat": 41.893, "lon": 12.483})


def test_every_example_is_listed():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    listed = (EXAMPLES / "README.md").read_text()
    expected = {"batching", "entry-point", "form-upload", "input_schema", "plain-function", "predictor"}
    expected |= {"routes", "streaming"}
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


def test_a_model_written_for_inferless():
    with serve(EXAMPLES / "input_schema") as server:
        text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["to be or not to be"]}
        words, total = server.post("/v2/models/input_schema/infer", {"inputs": [text]}).json()["outputs"]
        assert (words["data"], total["data"]) == (["be"], [6])


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


def test_a_cortex_predictor_is_called_as_before():
    with serve(EXAMPLES / "predictor") as server:
        answer = server.post("/iris-classifier", {"petal_length": 1.4, "petal_width": 0.2})
        assert answer.body == b'{"label": "setosa"}'
