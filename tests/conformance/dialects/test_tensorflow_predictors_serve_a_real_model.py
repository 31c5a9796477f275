"""A `TensorFlowPredictor` over an iris classifier that TensorFlow trains and exports here, with the form of answers
that TensorFlow Serving gave."""

from __future__ import annotations

import subprocess

import pytest
from peers import tensorflow_python
from serving import serve, write_project

from tests.conformance.dialects.iris import FLOWERS, LABELS, held_out

pytestmark = [
    pytest.mark.peer,
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.timeout(900),  # the first run installs TensorFlow
]

TRAIN = """
import sys
import tensorflow as tf

flowers = tf.reshape(tf.strings.to_number(open("flowers.txt").read().split()), [150, 4])
kinds = tf.repeat([0, 1, 2], 50)
known = tf.range(150) % 5 != 4
flowers, kinds = flowers[known], kinds[known]


class Iris(tf.Module):
    def __init__(self):
        self.mean, self.spread = tf.reduce_mean(flowers, axis=0), tf.math.reduce_std(flowers, axis=0)
        self.weights, self.bias = tf.Variable(tf.zeros([4, 3])), tf.Variable(tf.zeros([3]))

    def scores(self, flower):
        return tf.matmul((flower - self.mean) / self.spread, self.weights) + self.bias

    @tf.function
    def learn(self):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(kinds, self.scores(flowers))
            loss = tf.reduce_mean(losses)
        variables = [self.weights, self.bias]
        for variable, slope in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(0.5 * slope)
        return loss

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="flower")])
    def predict(self, flower):
        scores = tf.nn.softmax(self.scores(flower))
        kinds = tf.argmax(scores, axis=1)
        return {"class_ids": kinds, "classes": tf.gather(sys.argv[2:], kinds), "probabilities": scores}


iris = Iris()
first = float(iris.learn())
for _ in range(400):
    last = float(iris.learn())
assert last < first / 5, (first, last)
tf.saved_model.save(iris, sys.argv[1], signatures={"predict": iris.predict, "other": iris.predict})
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


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    python = tensorflow_python()
    files = {"cortex.yaml": CORTEX, "predictor.py": PREDICTOR, "train.py": TRAIN, "flowers.txt": FLOWERS}
    folder = write_project(tmp_path_factory.mktemp("tensorflow"), files)
    subprocess.run([python, "train.py", "model/1", *LABELS], check=True, cwd=folder)
    with serve(folder, python=str(python), wait=False) as running:
        running.wait_ready(300)
        yield running


def test_it_tells_irises_apart_that_it_was_not_trained_on(server):
    flowers = held_out()
    answer = server.post("/predict", {"flower": [flower for flower, _ in flowers]}).json()
    right = [found == str(kind) for found, (_, kind) in zip(answer["class_ids"], flowers, strict=True)]
    assert sum(right) >= 0.9 * len(flowers)
    assert answer["classes"] == [LABELS[int(each)] for each in answer["class_ids"]]


def test_the_answer_has_flat_lists_with_whole_numbers_as_text(server):
    answer = server.post("/predict", {"flower": [5.2, 3.6, 1.5, 0.5]}).json()
    assert (answer["class_ids"], answer["classes"]) == (["0"], ["setosa"])
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
    answer = server.post("/predict", {"flower": [[5.2, 3.6, 1.5, 0.5], [5.2, 3.6, 6.0, 2.0]]}).json()
    assert answer["class_ids"] == ["0", "2"]
    assert len(answer["probabilities"]) == 6


def test_inputs_that_do_not_fit_say_so(server):
    assert server.post("/predict", {"petal": 1}).status == 500
    server.wait_for_line("missing key 'flower' for model '_cortex_default'")
    assert server.post("/predict", {"flower": "long"}).status == 500
    assert server.post("/predict", {"flower": [5.2, 3.6, 1.5, 0.5]}).status == 200
