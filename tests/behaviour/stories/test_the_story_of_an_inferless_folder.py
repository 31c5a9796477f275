"""An Inferless folder with its runtime configuration, deployed as it stands and called as it was there."""

from __future__ import annotations

from serving import write_project

PROJECT = {
    "app.py": """\
import os

import six


class InferlessPythonModel:
    def initialize(self):
        self.end = os.environ["GREETING_END"]

    def infer(self, inputs):
        prompt = inputs["prompt"]
        return {"generated_text": six.ensure_str(prompt) + self.end}

    def finalize(self):
        pass
""",
    "input_schema.py": """\
INPUT_SCHEMA = {
    "prompt": {
        "datatype": "STRING",
        "required": True,
        "shape": [1],
        "example": ["There is a fine house in the forest"],
    }
}
""",
    "inferless.yaml": """\
version: 1.0.0
name: fine-house
import_source: GIT
source_framework_type: PYTORCH
configuration:
  gpu_type: T4
  inference_time: '180'
  is_serverless: true
  max_replica: '2'
  min_replica: '0'
  scale_down_delay: '60'
env:
  GREETING_END: '!'
optional:
  runtime_file_name: inferless-runtime-config.yaml
io_schema: true
""",
    "inferless-runtime-config.yaml": """\
build:
  cuda_version: "12.1.1"
  python_packages:
    - "six"
""",
}


def test_it_is_built_with_its_runtime_and_called_with_tensors(up, token, tmp_path):
    write_project(tmp_path, PROJECT)
    done = up.run("deploy", folder=tmp_path)
    assert 'Your endpoint "fine-house" has been successfully deployed' in done.out
    found = up.run("endpoint", "get", "fine-house", "-o", "json").json()
    assert (found["min_replicas"], found["max_replicas"], found["scale_to_zero"]) == (0, 2, 60)
    assert found["limits"]["timeout_s"] == 180
    body = {"inputs": [{"name": "prompt", "shape": [1], "data": ["A house"], "datatype": "BYTES"}]}
    status, answer = up.call("/fine-house/v2/models/fine-house/infer", body, token)
    assert status == 200
    assert answer["outputs"] == [{"name": "generated_text", "shape": [1], "datatype": "BYTES", "data": ["A house!"]}]
    assert up.call("/fine-house/v2/models/fine-house/infer", body)[0] == 401


def test_without_a_name_its_model_is_called_as_the_endpoint_by_the_very_first_call(up, token, tmp_path):
    app = "class InferlessPythonModel:\n    def infer(self, inputs):\n        return {'said': inputs['prompt']}\n"
    write_project(tmp_path / "small-house", {"app.py": app, "input_schema.py": PROJECT["input_schema.py"]})
    up.run("deploy", folder=tmp_path / "small-house")
    body = {"inputs": [{"name": "prompt", "shape": [1], "data": ["A house"], "datatype": "BYTES"}]}
    status, answer = up.call("/small-house/v2/models/small-house/infer", body, token)
    assert (status, answer["outputs"][0]["data"]) == (200, ["A house"]), answer
