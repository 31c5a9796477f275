"""Services and functions through the Open Inference Protocol, turned on by `faces:`; their own face stays."""

from __future__ import annotations

import base64
import json
import struct

import pytest

from tests.serving import serve, write_project

SERVICE = """
from typing import Any, Iterator, Literal, Optional
from pydantic import BaseModel
from hotplate import File, Service, batch

class Box(BaseModel):
    x: int
    name: str = "box"

class Model(Service):
    def infer(
        self, prompt: str, times: int = 2, tag: Optional[str] = None, mode: Literal["a", "b"] = "a"
    ) -> dict[str, Any]:
        return {"text": prompt * times, "tag": tag, "mode": mode}

    def add(self, numbers: list[float], more: list[list[int]] = [[0]]) -> float:
        return sum(numbers) + sum(map(sum, more))

    def boxes(self, box: Box) -> Box:
        return Box(x=box.x + 1, name=box.name)

    def reverse(self, data: File) -> File:
        return File.from_bytes(data.to_bytes()[::-1])

    def count(self, n: int) -> Iterator[int]:
        yield from range(n)

    async def wait(self, n: int) -> int:
        return n

    @batch(max_size=4, max_wait_ms=1)
    def twice(self, n: list[int]) -> list[int]:
        return [2 * each for each in n]
"""


def tensor(name, data, datatype="BYTES", shape=None):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    files = {"service.py": SERVICE, "hotplate.yaml": "faces:\n  - open_inference\n"}
    with serve(write_project(tmp_path_factory.mktemp("of") / "my-service", files)) as running:
        yield running


def infer(server, model, *inputs, **more):
    return server.post(f"/v2/models/{model}/infer", {"inputs": inputs, **more})


def outputs(reply):
    assert reply.status == 200, reply.body
    return {output["name"]: (output["datatype"], output["shape"], output["data"]) for output in reply.json()["outputs"]}


def test_the_main_route_is_the_model_named_as_the_project(server):
    assert server.post("/infer", {"prompt": "a"}).json()["output"]["text"] == "aa"
    found = outputs(infer(server, "my-service", tensor("prompt", ["a"]), tensor("times", [3], "INT8")))
    assert found == {"text": ("BYTES", [1], ["aaa"]), "tag": ("BYTES", [1], ["null"]), "mode": ("BYTES", [1], ["a"])}
    names = [each["name"] for each in server.post("/v2/repository/index").json()]
    assert sorted(names) == ["add", "boxes", "count", "my-service", "reverse", "twice", "wait"]
    inputs = server.get("/v2/models/my-service").json()["inputs"]
    assert [(each["name"], each["datatype"], each.get("optional", False)) for each in inputs] == [
        ("prompt", "BYTES", False),
        ("times", "INT64", True),
        ("tag", "BYTES", True),
        ("mode", "BYTES", True),
    ]


def test_a_constraint_of_the_hint_holds(server):
    refused = infer(server, "my-service", tensor("prompt", ["a"]), tensor("mode", ["c"]))
    assert refused.status == 400
    assert refused.json()["error"] == "mode: Input should be 'a' or 'b'"


def test_lists_are_tensors_of_any_length(server):
    found = outputs(
        infer(server, "add", tensor("numbers", [1, 2], "INT64"), tensor("more", [1, 2, 3, 4], "INT32", [2, 2]))
    )
    assert found == {"output": ("FP64", [1], [13.0])}
    assert server.get("/v2/models/add").json()["outputs"] == [{"name": "output", "datatype": "FP64", "shape": [1]}]
    assert outputs(infer(server, "add", tensor("numbers", [], "FP32", [0])))["output"][2] == [0.0]


def test_models_travel_as_json_text(server):
    found = outputs(infer(server, "boxes", tensor("box", [json.dumps({"x": 1})])))
    assert found == {"x": ("INT64", [1], [2]), "name": ("BYTES", [1], ["box"])}
    assert infer(server, "boxes", tensor("box", ["{"])).status == 400
    assert infer(server, "boxes", tensor("box", ['{"x": "no"}'])).status == 400
    assert server.post("/v2/models/boxes/generate", {"box": {"x": 4}}).json()["x"] == 5


def test_media_is_base64_text_or_its_bytes(server):
    found = outputs(infer(server, "reverse", tensor("data", [base64.b64encode(b"abc").decode()])))
    assert found["output"] == ("BYTES", [1], [base64.b64encode(b"cba").decode()])
    raw = struct.pack("<I", 40_000) + b"\xff" * 39_999 + b"a"
    entry = {"name": "data", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    headers = {"inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    reply = server.post("/v2/models/reverse/infer", head + raw, headers=headers)
    length = int(reply.headers["inference-header-content-length"])
    assert reply.body[length + 4 :] == b"a" + b"\xff" * 39_999
    for wrong in ("0", "-1", "x", str(len(head + raw) + 1), str(len(head) - 1)):
        refused = server.post(
            "/v2/models/reverse/infer", head + raw, headers={**headers, "inference-header-content-length": wrong}
        )
        assert (refused.status, list(refused.json())) == (400, ["error"])


def test_generators_coroutines_and_batches(server):
    stream = server.post("/v2/models/count/generate_stream", {"n": 2})
    assert stream.body == (
        b'data: {"output":0,"model_name":"count","model_version":"1"}\n\n'
        b'data: {"output":1,"model_name":"count","model_version":"1"}\n\n'
    )
    assert outputs(infer(server, "wait", tensor("n", [3], "INT64")))["output"][2] == [3]
    for shape in ([1], [1, 1]):
        assert outputs(infer(server, "twice", tensor("n", [3], "INT64", shape)))["output"] == ("INT64", [1, 1], [6])


def test_a_function_without_hints_takes_any_tensor(tmp_path):
    files = {"model.py": "def predict(x, y=None): return [x, y]\n", "hotplate.yaml": "faces:\n  - open_inference\n"}
    folder = write_project(tmp_path / "any", files)
    with serve("model.py:predict", cwd=folder) as server:
        names = [each["name"] for each in server.post("/v2/repository/index").json()]
        reply = server.post(
            f"/v2/models/{names[0]}/infer",
            {"inputs": [tensor("x", [[1, 2]], "INT8", [1, 2]), tensor("y", [3], "FP32")]},
        )
        assert json.loads(outputs(reply)["output"][2][0]) == [[[1, 2]], 3.0]
