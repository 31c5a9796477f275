"""Two APIs of one cortex.yaml, one of which calls the other by its address there: http://api-NAME:8888."""

from __future__ import annotations

from serving import write_project

PROJECT = {
    "cortex.yaml": """\
- name: classifier
  kind: RealtimeAPI
  predictor:
    type: python
    path: classifier.py
    config: {labels: [setosa, versicolor]}
  compute:
    cpu: 200m
    mem: 1Gi
  autoscaling:
    min_replicas: 1
    max_replicas: 2

- name: pipeline
  kind: RealtimeAPI
  predictor:
    type: python
    path: pipeline.py
  networking:
    endpoint: /flowers/pipeline
""",
    "classifier.py": """\
class PythonPredictor:
    def __init__(self, config):
        self.labels = config["labels"]

    def predict(self, payload):
        return {"label": self.labels[payload["x"]]}
""",
    "pipeline.py": """\
import json
from urllib.request import Request, urlopen


class PythonPredictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        body = json.dumps({"x": payload["number"]}).encode()
        request = Request("http://api-classifier:8888/predict", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            return {"found": json.load(answer)["label"]}
""",
}


def test_chained_apis_are_deployed_and_called(up, token, tmp_path):
    write_project(tmp_path, PROJECT)
    found = up.run("deploy", "-o", "json", folder=tmp_path).json()
    url = up.supervisor["url"]
    assert found == [{"name": name, "endpoint": f"{url}/{name}"} for name in ("classifier", "pipeline")]
    assert up.call("/pipeline/flowers/pipeline", {"number": 1}, token) == (200, {"found": "versicolor"})

    # The API behind is asleep: the call that comes through the first one wakes it.
    up.run("endpoint", "update", "classifier", "--min-replicas", "0", "--scaledown-secs", "0")
    up.run("endpoint", "pause", "classifier")
    assert up.call("/pipeline", {"number": 0}, token)[0] == 500
    up.run("endpoint", "start", "classifier")
    assert up.call("/pipeline", {"number": 0}, token) == (200, {"found": "setosa"})

    # A token for the first alone is enough: the second is called by the first, not by who has the token.
    narrow = up.run("token", "create", "--name", "narrow", "--endpoint", "pipeline").out.strip()
    assert up.call("/pipeline", {"number": 1}, narrow) == (200, {"found": "versicolor"})
    assert up.call("/classifier", {"x": 1}, narrow)[0] == 403
