"""`faces:` in hotplate.yaml: one server for each dialect, with every face that any dialect can have turned on at once.

The dialect's own face stays as its callers know it.
"""

from __future__ import annotations

import json

import pytest

from hotplate.dialects.registry import DIALECTS
from tests.serving import serve, write_project

FACES = "faces: [plain, open_inference, openai, mcp]\nname: shout\n"
PROJECTS = {
    "service": {
        "service.py": "from hotplate import Service\n\n\nclass Shout(Service):\n"
        "    def infer(self, prompt: str) -> str:\n        return prompt.upper()\n",
        "hotplate.yaml": FACES,
    },
    "function": {
        "model.py": "def shout(prompt: str) -> str:\n    return prompt.upper()\n",
        "hotplate.yaml": FACES + "functions: [model.py:shout]\n",
    },
    "input_schema": {
        "app.py": "class InferlessPythonModel:\n    def infer(self, inputs):\n"
        "        return {'generated_text': inputs['prompt'].upper()}\n",
        "input_schema.py": "INPUT_SCHEMA = {'prompt': {'datatype': 'STRING', 'required': True, 'shape': [1],"
        " 'example': ['a']}}\n",
        "hotplate.yaml": FACES,
    },
    "predictor": {
        "cortex.yaml": "- name: shout\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: predictor.py\n",
        "predictor.py": "class PythonPredictor:\n    def __init__(self, config):\n        pass\n\n"
        "    def predict(self, payload):\n        return payload.get('payload', payload)['prompt'].upper()\n",
        "hotplate.yaml": FACES + "openai: {complete: predict}\n",
    },
    "entry_point": {
        "shout.py": "from webargs import fields\n\n\ndef get_predict_args():\n"
        "    return {'prompt': fields.Str(required=True)}\n\n\ndef predict(prompt):\n    return prompt.upper()\n",
        "pyproject.toml": "[project]\nname = 'shout'\nversion = '1'\n\n[project.entry-points.'deepaas.v2.model']\n"
        "shout = 'shout'\n",
        "hotplate.yaml": FACES,
    },
    "routes": {
        "model.py": "def shout(prompt):\n    return prompt.upper()\n",
        "hotplate.yaml": FACES + "routes:\n  - {path: /predict, verb: POST, file: model, function: shout,"
        " body: [{name: prompt, type: str}]}\n",
    },
}
PROJECTS = {dialect: files for dialect, files in PROJECTS.items() if dialect in DIALECTS}
OWN = {
    "service": ("/infer", "output"),
    "function": ("/shout", "output"),
    "input_schema": ("/v2/models/shout/generate", "generated_text"),
    "predictor": ("/predict", None),
    "routes": ("/predict", ""),
    "entry_point": ("/v2/models/shout/predict/", "predictions"),
}
"""Where each dialect's own callers go, and where in the answer they find the text."""


def test_every_dialect_is_here():
    assert set(PROJECTS) == set(DIALECTS)


@pytest.fixture(scope="module", params=PROJECTS)
def served(request, tmp_path_factory):
    folder = write_project(tmp_path_factory.mktemp("faces") / "shout", PROJECTS[request.param])
    with serve(folder) as server:
        yield server, request.param


def inputs(dialect):
    return {"payload": {"prompt": "ab"}} if dialect == "predictor" else {"prompt": "ab"}


def text_of(value):
    return next(iter(value.values())) if isinstance(value, dict) else value


def test_its_own_face_stays(served):
    server, dialect = served
    path, key = OWN[dialect]
    reply = server.post(path, {"prompt": "ab"})
    assert reply.status == 200, reply.body
    assert (reply.body.decode() if key is None else reply.json()[key] if key else reply.json()) == "AB"


def test_plain(served):
    server, dialect = served
    reply = server.post("/infer", inputs(dialect))
    assert reply.status == 200, reply.body
    assert text_of(reply.json()["output"]) == "AB"


def test_open_inference(served):
    server, dialect = served
    assert server.get("/v2/models/shout/ready").status == 200
    if dialect == "predictor":  # a payload of any shape is no tensor, but it is a value
        reply = server.post("/v2/models/shout/generate", inputs(dialect))
        assert reply.json()["output"] == "AB", reply.body
        return
    tensors = [{"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["ab"]}]
    reply = server.post("/v2/models/shout/infer", {"inputs": tensors})
    assert reply.status == 200, reply.body
    assert reply.json()["outputs"][0]["data"] == ["AB"]


def test_openai(served):
    server, _ = served
    reply = server.post("/v1/completions", {"model": "shout", "prompt": "ab", "temperature": None, "top_p": 0.5})
    assert reply.status == 200, reply.body
    assert reply.json()["choices"][0]["text"] == "AB"
    assert [each["id"] for each in server.get("/v1/models").json()["data"]] == ["shout"]


def test_mcp(served):
    server, dialect = served

    def ask(method, **params):
        reply = server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert reply.status == 200, reply.body
        return reply.json()["result"]

    tools = {each["name"]: each for each in ask("tools/list")["tools"]}
    name = next(each for each in tools if "train" not in each)
    expected = [] if dialect == "predictor" else ["prompt"]
    assert list(tools[name]["inputSchema"].get("properties", ())) == expected
    result = ask("tools/call", name=name, arguments={"prompt": "ab"})
    assert result["isError"] is False
    text = result["content"][0]["text"]
    assert (text_of(json.loads(text)) if text.startswith("{") else text) == "AB"


def test_the_documents_describe_every_face(served):
    server, _ = served
    paths = server.get("/openapi.json").json()["paths"]
    assert {"/infer", "/v2/models/shout/infer", "/v1/completions", "/mcp"} <= set(paths)
