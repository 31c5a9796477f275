"""A folder written for Inferless, served unchanged, and called as its callers did (curl lines of its READMEs)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving import serve, write_project

APP = """
import json, os, pathlib
import numpy

class InferlessPythonModel:
    def initialize(self, context=None):
        self.suffix = "!"

    def infer(self, inputs):
        if inputs["prompt"] == "fail":
            raise RuntimeError("a secret of the model")
        return {
            "generated_text": inputs["prompt"] * inputs.get("times", 1) + self.suffix,
            "kinds": [type(inputs[name]).__name__ for name in inputs],
            "score": 0.5,
            "sure": True,
            "grid": [[1, 2], [3, 4]],
            "details": {"of": None},
            "array": numpy.arange(4, dtype="float32").reshape(2, 2),
            "half": numpy.float16(0.5),
        }

    def finalize(self, args):
        pathlib.Path(os.environ["FINALIZED"]).write_text(args["model_name"])
"""
SCHEMA = """
INPUT_SCHEMA = {
    "prompt": {"datatype": "STRING", "required": True, "shape": [1], "example": ["There is a fine house"]},
    "times": {"datatype": "INT8", "required": False, "shape": [1], "example": [512, 1]},
    "words": {"datatype": "STRING", "required": False, "shape": [-1], "example": ["a"]},
    "pair": {"datatype": "FP32", "required": False, "shape": [2], "example": [1.0, 2.0]},
}
"""
STREAMING = """
class InferlessPythonModel:
    def infer(self, inputs, stream_output_handler):
        for number in range(inputs.get("count", 2)):
            stream_output_handler.send_streamed_output({"OUT": inputs["text"] + str(number)})
        if inputs["text"] == "break":
            raise RuntimeError("a secret of the model")
        if inputs["text"] != "forget":
            stream_output_handler.finalise_streamed_output()
"""
AWAITED = """
class InferlessPythonModel:
    async def initialize(self):
        self.suffix = "?"

    async def infer(self, inputs, stream_output_handler):
        for number in range(inputs.get("count", 2)):
            await stream_output_handler.send_streamed_output({"OUT": inputs["text"] + str(number) + self.suffix})
        await stream_output_handler.finalise_streamed_output()
"""
STREAM_SCHEMA = """
INPUT_SCHEMA = {
    "text": {"datatype": "STRING", "required": True, "shape": [1], "example": ["hello"]},
    "count": {"datatype": "INT32", "required": False, "shape": [1], "example": [2]},
}
IS_STREAMING_OUTPUT = True
"""
BATCHED = """
class InferlessPythonModel:
    def infer(self, inputs):
        return [{"length": len(inputs), "text": each["text"].upper()} for each in inputs]
"""
BATCH_SCHEMA = """
WORD = "hello"
INPUT_SCHEMA = {"text": {"datatype": "STRING", "required": True, "shape": [1], "example": [WORD * 2]}}
BATCH_SIZE = 2 ** 2
BATCH_WINDOW = 500
"""
CLASSES = """
import os
from typing import List, Optional
import inferless
from pydantic import BaseModel, Field

@inferless.request
class Ask(BaseModel):
    prompt: str = Field(default="a prompt")
    steps: Optional[int] = 4
    tags: Optional[List[str]] = None

@inferless.response
class Told(BaseModel):
    text: str = Field(default="Test output")
    numbers: List[float] = Field(default="Test output")

@inferless.config
class Settings(BaseModel):
    some_word: str = "of the config"

class InferlessPythonModel:
    def infer(self, request: Ask) -> Told:
        return Told(text=f"{request.prompt} {os.environ['SOME_WORD']}", numbers=[0.5] * request.steps)
"""
INFER = "/v2/models/project/infer"


def tensor(name, data, datatype="BYTES", shape=None, **more):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data, **more}


def named(reply):
    assert reply.status == 200, reply.body
    return {output["name"]: output for output in reply.json()["outputs"]}


def project(tmp_path_factory, files):
    return write_project(tmp_path_factory.mktemp("of") / "project", files)


@pytest.fixture(scope="module")
def finalized(tmp_path_factory):
    return tmp_path_factory.mktemp("finalized") / "name"


@pytest.fixture(scope="module")
def server(tmp_path_factory, finalized):
    folder = project(
        tmp_path_factory,
        {"app.py": APP, "input_schema.py": SCHEMA, "hotplate.yaml": "faces:\n  - plain\n"},
    )
    with serve(folder, env={"FINALIZED": str(finalized)}) as running:
        yield running
        running.terminate()
    assert finalized.read_text() == "project"


class TestAnInfer:
    def test_it_answers_tensors_in_tritons_order(self, server):
        once = [tensor("prompt", ["Once upon a time"]), tensor("times", [2], "INT64", optional=True)]
        reply = server.post(INFER, {"id": "7", "inputs": once})
        assert list(reply.json()) == ["id", "model_name", "model_version", "outputs"]
        outputs = named(reply)
        assert list(outputs) == ["generated_text", "kinds", "score", "sure", "grid", "details", "array", "half"]
        first = outputs["generated_text"]
        assert list(first) == ["name", "datatype", "shape", "data"]
        assert first["data"] == ["Once upon a timeOnce upon a time!"]
        assert outputs["kinds"]["data"] == ["str", "int"]
        assert (outputs["score"]["datatype"], outputs["score"]["shape"]) == ("FP64", [1])
        assert (outputs["sure"]["datatype"], outputs["sure"]["data"]) == ("BOOL", [True])
        assert (outputs["grid"]["datatype"], outputs["grid"]["shape"], outputs["grid"]["data"]) == (
            "INT64",
            [2, 2],
            [1, 2, 3, 4],
        )
        assert json.loads(outputs["details"]["data"][0]) == {"of": None}
        array = outputs["array"]
        assert (array["datatype"], array["shape"], array["data"]) == ("FP32", [2, 2], [0, 1, 2, 3])
        assert (outputs["half"]["datatype"], outputs["half"]["shape"]) == ("FP16", [1])

    def test_a_declared_list_is_always_a_list(self, server):
        one = server.post(INFER, {"inputs": [tensor("prompt", ["a"]), tensor("words", ["one"])]})
        assert named(one)["kinds"]["data"] == ["str", "list"]

    @pytest.mark.parametrize(
        ("inputs", "text"),
        [
            ([], "missing required input(s) ['prompt']"),
            ([tensor("prompt", ["a"]), tensor("times", [512], "INT8")], "out of the range of INT8"),
            ([tensor("prompt", ["a"]), tensor("times", [300], "INT64")], "out of the range of INT8"),
            ([tensor("prompt", [1])], "element of type int for input 'prompt'"),
            ([tensor("prompt", ["a", "b"])], "Expected [1], got [2]"),
            ([tensor("prompt", ["a"], shape=[1, 1, 1])], "Expected [1], got [1,1,1]"),
            ([tensor("prompt", ["a", "b"], shape=[1])], "expected 1 string elements for inference input 'prompt'"),
            ([tensor("prompt", ["a"]), tensor("pair", [1, 2, 3], "FP32")], "Expected [2], got [3]"),
            (
                [tensor("prompt", ["a"]), tensor("pair", [[1]], "FP32", [2])],
                "Shape does not match true shape of 'data'",
            ),
            ([tensor("prompt", ["a"]), tensor("pair", [0.5, 10**400], "FP32")], "out of the range of FP64"),
            ([tensor("prompt", ["a"]), tensor("nobody", [1], "INT8")], "unexpected inference input 'nobody'"),
            ([tensor("prompt", ["a"]), tensor("prompt", ["b"])], "given twice"),
            ([{"name": "prompt", "shape": [1], "datatype": "BYTES"}], "Unable to parse 'data'"),
            ([{"shape": [1], "datatype": "BYTES", "data": ["a"]}], "Unable to parse 'name'"),
            ([tensor("prompt", ["a"], "FLOAT")], "Unable to parse 'datatype'"),
            ([tensor("prompt", ["a"], "INT8")], "element of type str|data-type is 'INT8'"),
            ("nothing", "Unable to parse 'inputs'"),
        ],
    )
    def test_what_does_not_fit_is_refused_and_says_why(self, server, inputs, text):
        reply = server.post(INFER, {"inputs": inputs})
        assert reply.status == 400
        assert list(reply.json()) == ["error"]
        assert any(part in reply.json()["error"] for part in text.split("|"))

    def test_bodies_that_are_no_json_object_are_refused(self, server):
        deep = b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}"
        for body in (b"", b"{", b"[]", b'{"inputs": [], "inputs"', b"\xff", b'{"inputs": [], "outputs": 5}', deep):
            reply = server.post(INFER, body)
            assert reply.status == 400, body
            assert "error" in reply.json()

    def test_what_the_model_raises_stays_in_the_log(self, server):
        reply = server.post(INFER, {"inputs": [tensor("prompt", ["fail"])]})
        assert reply.status == 500
        assert "Failed to process the request(s) for model 'project'" in reply.json()["error"]
        assert b"secret" not in reply.body
        server.wait_for_line("a secret of the model")

    def test_generate_takes_and_gives_bare_values(self, server):
        for body in ({"prompt": "a", "times": 2, "unknown": 1}, {"parameters": {"prompt": "a", "times": 2}}):
            found = server.post("/v2/models/project/generate", body).json()
            assert (found["generated_text"], found["model_name"], found["grid"]) == ("aa!", "project", [1, 2, 3, 4])
        assert server.post("/v2/models/project/generate", {"prompt": 1}).status == 400
        assert server.post("/v2/models/project/generate", {}).status == 400

    def test_the_plain_face_has_the_same_model(self, server):
        reply = server.post("/infer", {"prompt": "a", "times": 2, "pair": [1, 2]})
        assert reply.json()["output"]["generated_text"] == "aa!"
        assert reply.json()["output"]["array"] == [[0, 1], [2, 3]]
        assert reply.json()["output"]["half"] == 0.5
        assert server.post("/infer", {"prompt": "a", "times": 300}).status == 422
        assert server.post("/infer", {"prompt": "a", "pair": [1]}).status == 422


def test_the_document_has_the_paths_that_are_served(server):
    paths = server.get("/openapi.json").json()["paths"]
    calls = {"/infer", *(f"/v2/models/project/{word}" for word in ("infer", "generate", "generate_stream"))}
    assert calls == {path for path, item in paths.items() if "post" in item}
    body = paths["/v2/models/project/generate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (body["required"], list(body["properties"])) == (["prompt"], ["prompt", "times", "words", "pair"])


def test_the_servers_own_paths(server):
    assert server.get("/v2").json()["extensions"] == ["binary_tensor_data", "generate", "model_repository"]
    for path in (
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/project/ready",
        "/v2/models/project/versions/1/ready",
    ):
        assert server.get(path).status == 200
    metadata = server.get("/v2/models/project").json()
    assert metadata["inputs"][1] == {"name": "times", "datatype": "INT8", "shape": [1], "optional": True}
    assert metadata["inputs"][2]["shape"] == [-1]
    assert server.get("/v2/models/project/config").json()["max_batch_size"] == 0
    assert server.post("/v2/repository/index").json()[0]["name"] == "project"
    assert server.post("/v2/repository/models/project/load").status == 200
    assert "Stop the endpoint" in server.post("/v2/repository/models/project/unload").json()["error"]
    for path in ("/v2/models/other/infer", "/v2/models/other", "/v2/models/project/versions/2/infer"):
        reply = server.post(path)
        assert (reply.status, list(reply.json())) == (404, ["error"])
    reply = server.get("/v2/models/project/infer")
    assert (reply.status, reply.headers["allow"], list(reply.json())) == (405, "POST", ["error"])


@pytest.mark.parametrize(("app", "suffix"), [(STREAMING, ""), (AWAITED, "?")])
def test_a_stream_is_sent_as_events_to_either_body(tmp_path_factory, app, suffix):
    folder = project(tmp_path_factory, {"app.py": app, "input_schema.py": STREAM_SCHEMA})
    with serve(folder) as server:
        bodies = [
            {"parameters": {"text": "a", "count": 3, "split_pattern": "\n+"}},
            {"inputs": [tensor("text", ["a"]), tensor("count", [3], "INT64")]},
        ]
        for path in (INFER, "/v2/models/project/generate_stream"):
            reply = server.post(path, bodies[0])
            assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert events(reply) == [f"a{n}{suffix}" for n in range(3)]
        assert events(server.post(INFER, bodies[1])) == [f"a{n}{suffix}" for n in range(3)]
        refused = server.post(INFER, {"parameters": {"count": 3}})
        assert (refused.status, list(refused.json())) == (400, ["error"])
        if not suffix:
            assert events(server.post(INFER, {"parameters": {"text": "forget"}})) == ["forget0", "forget1"]
            broken = server.post(INFER, {"parameters": {"text": "break"}})
            assert broken.status == 200
            assert list(json.loads(broken.body.split(b"data: ")[-1])) == ["error"]
            assert b"secret" not in broken.body
        gone = server.connect()
        body = json.dumps({"parameters": {"text": "x" * 5000, "count": 2000}}).encode()
        gone.sendall(
            b"POST /v2/models/project/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        gone.recv(1000)
        gone.close()
        assert events(server.post(INFER, bodies[0])) == [f"a{n}{suffix}" for n in range(3)]


def events(reply):
    assert reply.status == 200, reply.body
    found = [json.loads(part.removeprefix(b"data: ")) for part in reply.body.split(b"\n\n") if part]
    assert {(event["model_name"], event["model_version"]) for event in found} == {("project", "1")}
    return [event["OUT"] for event in found]


def test_a_batch_is_a_list_of_dicts(tmp_path_factory):
    folder = project(tmp_path_factory, {"app.py": BATCHED, "input_schema.py": BATCH_SCHEMA})
    with serve(folder) as server:
        config = server.get("/v2/models/project/config").json()
        assert config["dynamic_batching"] == {"preferred_batch_size": [4], "max_queue_delay_microseconds": 500000}
        with ThreadPoolExecutor(4) as pool:
            bodies = [{"inputs": [tensor("text", [word], shape=[1, 1])]} for word in ("a", "b", "c", "d")]
            replies = list(pool.map(lambda body: named(server.post(INFER, body)), bodies))
        assert [reply["text"]["data"] for reply in replies] == [["A"], ["B"], ["C"], ["D"]]
        assert {tuple(reply["text"]["shape"]) for reply in replies} == {(1, 1)}
        assert {reply["length"]["data"][0] for reply in replies} == {4}
        assert server.post(INFER, {"inputs": [tensor("text", [1], "BYTES", [1, 1])]}).status == 400


def test_inputs_declared_as_classes(tmp_path_factory):
    folder = project(
        tmp_path_factory,
        {"app.py": CLASSES, "inferless.yaml": "version: 1.0.0\nname: told\nconfiguration:\n  inference_time: '180'\n"},
    )
    with serve(folder) as server:
        path = "/v2/models/told/infer"
        outputs = named(server.post(path, {"inputs": [tensor("prompt", ["a"])]}))
        assert outputs["text"]["data"] == ["a of the config"]
        assert (outputs["numbers"]["shape"], outputs["numbers"]["datatype"]) == ([4], "FP64")
        assert named(server.post(path, {"inputs": [tensor("steps", [1], "INT32")]}))["text"]["data"] == [
            "a prompt of the config"
        ]
        assert server.post(path, {"inputs": [tensor("steps", ["x"])]}).status == 400
