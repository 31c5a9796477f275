"""A `TensorFlowPredictor` over a real SavedModel, made here, with the form of answers that TensorFlow Serving gave."""

from __future__ import annotations

import subprocess

import pytest
from peers import tensorflow_python
from serving import serve, write_project

pytestmark = [pytest.mark.peer, pytest.mark.soak, pytest.mark.timeout(600)]

MAKE = """
import sys
import tensorflow as tf


class Iris(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="flower")])
    def __call__(self, flower):
        weights = tf.constant([[0, 0, 0], [0, 0, 0], [-2.0, 0, 2], [-1, 0, 1]])
        scores = tf.matmul(flower, weights) + tf.constant([5.0, 0, -11])
        return {"class_ids": tf.argmax(scores, axis=1), "scores": scores}


iris = Iris()
tf.saved_model.save(iris, sys.argv[1], signatures={"predict": iris.__call__, "other": iris.__call__})
"""
CORTEX = """
- name: iris-classifier
  kind: RealtimeAPI
  predictor:
    type: tensorflow
    path: predictor.py
    models: {path: model/}
"""
PREDICTOR = """
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client

    def predict(self, payload):
        return self.client.predict(payload)
"""


def test_it_tells_irises_apart(tmp_path):
    python = tensorflow_python()
    write_project(tmp_path, {"cortex.yaml": CORTEX, "predictor.py": PREDICTOR, "make.py": MAKE})
    subprocess.run([python, tmp_path / "make.py", tmp_path / "model" / "1"], check=True)
    with serve(tmp_path, python=str(python), wait=False) as server:
        server.wait_ready(300)
        answer = server.post("/predict", {"flower": [5.2, 3.6, 1.5, 0.5]})
        assert answer.json() == {"class_ids": ["0"], "scores": [1.5, 0.0, -7.5]}
        answer = server.post("/predict", {"flower": [[5.2, 3.6, 1.5, 0.5], [5.2, 3.6, 6.0, 2.0]]})
        assert answer.json()["class_ids"] == ["0", "2"]
        assert server.post("/predict", {"petal": 1}).status == 500
        server.wait_for_line("missing key 'flower' for model '_cortex_default'")
