"""An `ONNXPredictor` over an iris classifier that is trained and exported here, and run by the real onnxruntime, with
Cortex's rules for inputs."""

from __future__ import annotations

import os
import subprocess

import pytest
from peers import onnx_python
from serving import serve, write_project

from tests.conformance.dialects.iris import FLOWERS, held_out

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("onnx")]

MAKE = """
import sys
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper
import numpy as np

# Softmax regression by plain descent, on four of five flowers.
flowers = np.array(open("flowers.txt").read().split(), dtype=np.float64).reshape(150, 4)
known = np.arange(150) % 5 != 4
flowers, kinds = flowers[known], np.repeat(np.eye(3), 50, axis=0)[known]
weights, bias = np.zeros((4, 3)), np.zeros(3)
for _ in range(3000):
    scores = flowers @ weights + bias
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = chances / chances.sum(axis=1, keepdims=True) - kinds
    weights -= 0.1 * flowers.T @ error / 120
    bias -= 0.1 * error.mean(axis=0)
assert ((flowers @ weights + bias).argmax(axis=1) == kinds.argmax(axis=1)).mean() > 0.9
weights, bias = weights.astype(np.float32), (bias + int(sys.argv[2])).astype(np.float32)
nodes = [
    h.make_node("MatMul", ["input", "weights"], ["product"]),
    h.make_node("Add", ["product", "bias"], ["scores"]),
    h.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
]
graph = h.make_graph(
    nodes,
    "iris",
    [h.make_tensor_value_info("input", T.FLOAT, [None, 4])],
    [h.make_tensor_value_info("label", T.INT64, [None]), h.make_tensor_value_info("scores", T.FLOAT, [None, 3])],
    [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
)
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
"""
CORTEX = """
- name: iris-classifier
  kind: RealtimeAPI
  predictor:
    type: onnx
    path: predictor.py
    models:
      path: model/
"""
PREDICTOR = """
labels = ["setosa", "versicolor", "virginica"]


class ONNXPredictor:
    def __init__(self, onnx_client, config):
        self.client = onnx_client

    def predict(self, payload, query_params):
        if "raw" in query_params:
            outputs = self.client.predict(payload, model_version=query_params.get("version", "latest"))
            return {"outputs": [each.tolist() for each in outputs], "kind": type(outputs).__name__}
        if "describe" in query_params:
            model = self.client.get_model()
            return {"keys": sorted(model), "inputs": model["input_signatures"]}
        try:
            prediction = self.client.predict(list(payload.values()))
        except ValueError as error:
            return {"error": str(error)}
        return labels[prediction[0][0]]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    python = onnx_python()
    files = {"cortex.yaml": CORTEX, "predictor.py": PREDICTOR, "make.py": MAKE, "flowers.txt": FLOWERS}
    folder = write_project(tmp_path_factory.mktemp("onnx"), files)
    for version in (1, 2):
        (folder / "model" / str(version)).mkdir(parents=True)
        model = str(folder / "model" / str(version) / "iris.onnx")
        subprocess.run([python, "make.py", model, str(version - 2)], check=True, cwd=folder)
    environment = {name: "" for name in os.environ if name == "PYTHONPATH"}
    with serve(folder, python=str(python), env=environment) as running:
        yield running


@pytest.mark.parametrize(
    ("length", "width", "label"), [(1.4, 0.2, "setosa"), (4.2, 1.3, "versicolor"), (5.9, 2.1, "virginica")]
)
def test_it_tells_irises_apart(server, length, width, label):
    flower = {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": length, "petal_width": width}
    answer = server.post("/predict", flower)
    assert (answer.status, answer.body.decode()) == (200, label)


def test_it_tells_irises_apart_that_it_was_not_trained_on(server):
    flowers = held_out()
    labels = server.post("/predict?raw=1", [flower for flower, _ in flowers]).json()["outputs"][0]
    right = [found == kind for found, (_, kind) in zip(labels, flowers, strict=True)]
    assert sum(right) >= 0.9 * len(flowers)


def test_inputs_come_by_name_or_alone_and_take_the_models_shape(server):
    row = [5.2, 3.6, 1.4, 0.2]
    answers = [server.post("/predict?raw=1", given).json() for given in (row, [row], {"input": row}, {"input": [row]})]
    assert answers[1:] == answers[:-1]
    assert answers[0]["kind"] == "list"
    assert answers[0]["outputs"][0] == [0]
    assert server.post("/predict?raw=1", [row, row]).json()["outputs"][0] == [0, 0]


def test_the_latest_version_is_the_highest_number(server):
    row = [5.2, 3.6, 1.4, 0.2]
    latest, two, one = (
        server.post(f"/predict?raw=1{more}", row).json()["outputs"][1][0][1]
        for more in ("", "&version=2", "&version=1")
    )
    assert latest == two == pytest.approx(one + 1, abs=1e-4)


def test_the_answer_is_a_list_of_the_models_outputs_in_its_order(server):
    label, scores = server.post("/predict?raw=1", [[5.2, 3.6, 1.4, 0.2], [5.9, 3.0, 5.1, 1.8]]).json()["outputs"]
    assert label == [0, 2]
    assert [each.index(max(each)) for each in scores] == label
    assert [len(each) for each in scores] == [3, 3]


def test_inputs_that_do_not_fit_say_so(server):
    assert "of shape (3,) does not fit" in server.post("/predict", {"a": 1, "b": 2, "c": 3}).json()["error"]
    assert "cannot be made an array of float32" in server.post("/predict", {"a": "x"}).json()["error"]
    assert server.post("/predict?raw=1", {"other": 1}).status == 500
    server.wait_for_line("missing key 'input' for model '_cortex_default'")


def test_a_model_that_is_not_there_and_a_version_that_is_none_say_so(server):
    assert server.post("/predict?raw=1&version=9", [5.2, 3.6, 1.4, 0.2]).status == 500
    server.wait_for_line("9")
    assert server.post("/predict?raw=1&version=x", [5.2, 3.6, 1.4, 0.2]).status == 500
    assert server.post("/predict", {"a": 5, "b": 3.6, "c": 1, "d": True}).status == 200  # numbers of any kind are cast


def test_the_model_is_described(server):
    answer = server.post("/predict?describe=1", {}).json()
    assert answer["keys"] == ["input_signatures", "session", "signatures"]
    assert answer["inputs"]["input"]["type"] == "float32"
