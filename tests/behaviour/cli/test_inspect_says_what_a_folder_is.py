"""`hotplate inspect` on a folder of any dialect: which one, why, and what is missing, without running it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hotplate.dialects import registry
from tests.serving import write_project

SAME = Path(__file__).parents[3] / "examples" / "same-model"
TOML = '[project]\nname = "m"\nversion = "1"\n\n[project.entry-points."deepaas.v2.model"]\nm = "%s"\n'


def inspect(folder, *more):
    command = [sys.executable, "-m", "hotplate.cli", "inspect", str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("dialect", registry.DIALECTS)
def test_each_dialect_is_told_with_its_evidence(dialect):
    done = inspect(SAME / dialect, "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["dialect"] == dialect
    assert told["missing"] == []
    assert told["contract"]["routes"]
    for evidence in told["evidence"]:
        lines = (SAME / dialect / evidence["file"]).read_text().splitlines()
        assert 1 <= evidence["line"] <= len(lines)


WHERE = {
    "service": "POST /infer  infer  ",
    "function": "POST /classify  classify  ",
    "predictor": "POST /iris  predict  ",
    "input_schema": "POST /v2/models/iris/infer  infer  ",
    "entry_point": "POST /v2/models/iris/predict/  iris.predict  ",
    "routes": "POST /classify  classify  ",
}


@pytest.mark.parametrize("dialect", registry.DIALECTS)
def test_a_route_is_told_where_callers_find_it(dialect):
    assert f"\n{WHERE[dialect]}" in inspect(SAME / dialect).stdout


def test_other_paths_of_a_route_are_told_and_none_that_is_not_there(tmp_path):
    yaml = "- name: x\n  kind: AsyncAPI\n  predictor:\n    type: python\n    path: p.py\n"
    code = "class PythonPredictor:\n    def __init__(self, config): pass\n    def predict(self, payload): return {}\n"
    done = inspect(write_project(tmp_path, {"cortex.yaml": yaml, "p.py": code}))
    assert "\nPOST /x  predict  p.py:3\n  also at /predict, /\n" in done.stdout
    assert "/infer" not in done.stdout


def test_the_line_of_an_entry_point_is_its_own():
    (first, second) = json.loads(inspect(SAME / "entry_point", "-o", "json").stdout)["evidence"]
    assert (SAME / "entry_point/pyproject.toml").read_text().splitlines()[first["line"] - 1] == 'iris = "iris"'
    assert second["file"] == "iris.py"


def test_an_import_that_nobody_has_is_told(tmp_path):
    files = {"pyproject.toml": TOML % "api", "api.py": "import os\nimport zz_torch\n", "requirements.txt": "zz_torch\n"}
    done = inspect(write_project(tmp_path, files))
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("Missing"))
    assert line.split(maxsplit=1)[1] == (
        "the module zz_torch  api.py:2; install what the project needs: pip install -r requirements.txt"
    )


def test_an_entry_point_to_nowhere_is_told(tmp_path):
    done = inspect(write_project(tmp_path, {"pyproject.toml": TOML % "nowhere.api"}))
    assert (
        "pyproject.toml:6 m names the module nowhere.api, which is neither in this folder nor installed" in done.stdout
    )


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            {"app.py": "class InferlessPythonModel:\n    def infer(self, inputs): return inputs\n"},
            "app.py:1: InferlessPythonModel is in app.py, but nothing says what its inputs are\n"
            "  write INPUT_SCHEMA in input_schema.py beside it\n",
        ),
        (
            {"cortex.yaml": "- name: x\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: p.py\n"},
            "cortex.yaml:5: error: cortex.yaml: x (RealtimeAPI): predictor: path: p.py: does not exist",
        ),
        (
            {"predictor.py": "class PythonPredictor: pass\n"},
            "predictor: predictor.py:1 class PythonPredictor is here, and",
        ),
    ],
)
def test_half_a_project_is_told_what_is_missing(tmp_path, files, text):
    done = inspect(write_project(tmp_path, files))
    assert done.returncode != 0
    assert text in done.stderr + done.stdout
