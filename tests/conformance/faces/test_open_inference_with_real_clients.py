"""NVIDIA's tritonclient and the real inferless package talk to a server; and so does the shim of the latter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hotplate.compat import SHIMS
from tests.peers import inferless_python, triton_python
from tests.serving import serve, write_project

HERE = Path(__file__).parent
KINDS = """
class InferlessPythonModel:
    def infer(self, inputs):
        ((name, value),) = inputs.items()
        if name in ("fp16", "fp32", "uint64", "int8", "bf16", "grid"):
            import numpy
            dtype = {"fp16": "float16", "grid": "float32", "bf16": "float32", "fp32": "float32"}.get(name, name)
            value = numpy.array(value, dtype=dtype)
        return {"value": value}
"""
SCHEMA = """
KINDS = ["FP16", "BF16", "FP32", "FP64", "INT8", "INT64", "UINT64", "BOOL", "BYTES"]
INPUT_SCHEMA = {
    "grid": {"datatype": "FP32", "required": False, "shape": [2, 3, -1]},
    **dict([[kind.lower(), {"datatype": kind, "required": False, "shape": [-1]}] for kind in KINDS]),
}
"""
CALLED = """
class InferlessPythonModel:
    def infer(self, inputs):
        return {"text": inputs["prompt"] * inputs["times"]}
"""
CALLED_SCHEMA = """
INPUT_SCHEMA = {
    "prompt": {"datatype": "STRING", "required": True, "shape": [1], "example": ["a"]},
    "times": {"datatype": "INT32", "required": True, "shape": [1], "example": [2]},
}
"""


def drive(python, script, *arguments, env=None):
    done = subprocess.run(
        [str(python), str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tritonclient(tmp_path):
    folder = write_project(tmp_path / "kinds", {"app.py": KINDS, "input_schema.py": SCHEMA})
    with serve(folder) as server:
        found = drive(triton_python(), HERE / "open_inference_driver.py", f"127.0.0.1:{server.port}")
    assert [found.pop(key) for key in ("live", "ready", "model_ready", "no_model")] == [True, True, True, False]
    assert (found["server"], found["config"], found["index"]) == ("hotplate", "kinds", ["kinds"])
    assert found["inputs"][:3] == ["grid", "fp16", "bf16"]
    echoed = found["echoed"]
    assert len(echoed) == 14
    assert {key: got for key, (got, _) in echoed.items()} == {key: sent for key, (_, sent) in echoed.items()}
    assert found["grid"]
    assert found["large"]
    assert found["default_output"] == [0.5, -2]
    assert found["error"][1] == "400"
    assert "unexpected inference input 'other'" in found["error"][0]
    assert found["absent"] == ["There is no such model or path.", "404"]


def test_inferless_and_its_shim(tmp_path):
    folder = write_project(tmp_path / "called", {"app.py": CALLED, "input_schema.py": CALLED_SCHEMA})
    with serve(folder) as server:
        url = f"{server.url}/v2/models/called/infer"
        real = drive(inferless_python(), HERE / "inferless_driver.py", url)
        shim = drive(sys.executable, HERE / "inferless_driver.py", url, env={"PYTHONPATH": SHIMS})
    assert real["answer"]["outputs"][0]["data"] == ["aa"]
    assert "missing required input(s) ['prompt']" in real["error"]
    assert shim == real
