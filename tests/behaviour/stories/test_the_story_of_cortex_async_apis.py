"""Asynchronous APIs of one cortex.yaml, deployed: one of them calls another by its address, and gets an id from it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from job_calls import until
from serving import write_project

PROJECT = {
    "cortex.yaml": """\
- name: classifier
  kind: AsyncAPI
  predictor: {type: python, path: classifier.py, config: {labels: [setosa, versicolor]}}

- name: pipeline
  kind: AsyncAPI
  predictor: {type: python, path: pipeline.py}
""",
    ".env": 'GREETING="hello there"\n',
    "classifier.py": """\
class PythonPredictor:
    def __init__(self, config):
        self.labels = config["labels"]

    def predict(self, payload):
        return {"label": self.labels[payload["x"]]}
""",
    "pipeline.py": """\
import json
import os
from urllib.request import Request, urlopen


class PythonPredictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        body = json.dumps({"x": payload["number"]}).encode()
        request = Request("http://api-classifier:8888/predict", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            return {"asked": json.load(answer)["id"], "greeting": os.environ["GREETING"]}
""",
}


def outcome(url: str, job_id: str, token: str) -> dict[str, Any]:
    """`GET /NAME/ID`, again and again."""

    def ended() -> Any:
        request = urllib.request.Request(f"{url}/{job_id}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            reply = json.load(answer)
        return reply if reply["status"] not in ("in_queue", "in_progress") else None

    return until(ended, "an outcome", 90)


def test_chained_asynchronous_apis_are_deployed_and_called(up, token, tmp_path):
    write_project(tmp_path, PROJECT)
    found = {each["name"]: each["endpoint"] for each in up.run("deploy", "-o", "json", folder=tmp_path).json()}
    assert list(found) == ["classifier", "pipeline"]
    status, submitted = up.call("/pipeline", {"number": 1}, token)
    assert (status, list(submitted)) == (200, ["id"])
    done = outcome(found["pipeline"], submitted["id"], token)
    assert (done["status"], done["result"]["greeting"]) == ("completed", "hello there")
    asked = outcome(found["classifier"], done["result"]["asked"], token)
    assert (asked["status"], asked["result"]) == ("completed", {"label": "versicolor"})
