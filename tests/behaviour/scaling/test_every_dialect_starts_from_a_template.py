"""Whatever way a project is written in: its import and its setup can be parted, and a fork of it answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from scaled_rig import ScaledRig, run

from hotplate.deployment.records import Scaling
from tests.serving import write_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="templates need pidfds")

PIDS = "import os\nIMPORTED_IN = os.getpid()\n"

PROJECTS = {
    "service": {
        "service.py": PIDS + "from hotplate import Service\n"
        "class Model(Service):\n"
        "    def setup(self):\n"
        "        self.pid = os.getpid()\n"
        "    def infer(self, prompt: str) -> list[int]:\n"
        "        return [IMPORTED_IN, self.pid, os.getpid()]\n"
    },
    "function": {
        "model.py": PIDS + "def predict(prompt: str) -> list[int]:\n    return [IMPORTED_IN, 0, os.getpid()]\n",
        "hotplate.yaml": "functions: [model.py:predict]\n",
    },
    "input_schema": {
        "app.py": PIDS + "class InferlessPythonModel:\n"
        "    def initialize(self):\n"
        "        self.pid = os.getpid()\n"
        "    def infer(self, inputs):\n"
        "        return {'pids': [IMPORTED_IN, self.pid, os.getpid()]}\n",
        "input_schema.py": 'INPUT_SCHEMA = {"prompt": {"datatype": "STRING", "required": True, "shape": [1], '
        '"example": ["hi"]}}\n',
        "hotplate.yaml": "faces: [plain]\n",
    },
    "predictor": {
        "cortex.yaml": "- name: pids\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: predictor.py\n",
        "predictor.py": PIDS + "class PythonPredictor:\n"
        "    def __init__(self, config):\n"
        "        self.pid = os.getpid()\n"
        "    def predict(self, payload):\n"
        "        return [IMPORTED_IN, self.pid, os.getpid()]\n",
    },
    "routes": {
        "model.py": PIDS + "def predict(prompt):\n    return [IMPORTED_IN, 0, os.getpid()]\n",
        "hotplate.yaml": "routes:\n  - path: /predict\n    verb: POST\n    file: model\n    function: predict\n"
        "    body: [{name: prompt, type: str}]\n",
    },
    "entry_point": {
        "pids.py": PIDS + "from webargs import fields\n"
        "PID = [0]\n"
        "def warm():\n    PID[0] = os.getpid()\n"
        "def get_predict_args():\n    return {'prompt': fields.Str(required=True)}\n"
        "def predict(prompt):\n    return [IMPORTED_IN, PID[0], os.getpid()]\n",
        "pyproject.toml": '[project]\nname = "pids"\nversion = "1"\n\n'
        '[project.entry-points."deepaas.v2.model"]\npids = "pids"\n',
    },
}
NO_SETUP = ("function", "routes")


def pids_of(answer: object) -> list[int]:
    """The three numbers, wherever a dialect's own face puts them."""
    if isinstance(answer, dict):
        for value in answer.values():
            found = pids_of(value)
            if found:
                return found
    if isinstance(answer, list):
        if len(answer) == 3 and all(isinstance(pid, int) for pid in answer):
            return answer
        for value in answer:
            found = pids_of(value)
            if found:
                return found
    return []


BODIES = {
    "input_schema": {"inputs": [{"name": "prompt", "datatype": "BYTES", "shape": [1], "data": ["hi"]}]},
}


@pytest.mark.parametrize("template", ["imports", "loaded"])
@pytest.mark.parametrize("dialect", PROJECTS)
def test_a_fork_of_it_answers(tmp_path: Path, dialect: str, template: str) -> None:
    async def scenario(rig: ScaledRig) -> None:
        seen: list[list[int]] = []
        for _ in range(2):
            status, answer = await rig.send(BODIES.get(dialect, {"prompt": "hi"})).done
            assert status == 200, (answer, rig.log.lines[-10:])
            seen.append(pids_of(answer))
            await rig.zero()
        for imported, set_up, pid in seen:
            assert imported == rig.starter.pid != pid != os.getpid()
            if dialect not in NO_SETUP:
                assert set_up == (imported if template == "loaded" else pid)
        assert seen[0][2] != seen[1][2]
        assert rig.stages == [template]

    run(scenario, write_project(tmp_path, PROJECTS[dialect]), Scaling(template=template))  # pyright: ignore


def test_a_cortex_project_that_can_reach_its_siblings_is_forked_all_the_same(tmp_path, monkeypatch) -> None:
    """What adds the token to its calls has a thread, from the first such call on."""
    monkeypatch.setenv("HOTPLATE_SIBLINGS", "http://127.0.0.1:9")
    monkeypatch.setenv("HOTPLATE_SIBLING_TOKEN", "secret")

    async def scenario(rig: ScaledRig) -> None:
        assert (await rig.send({"prompt": "hi"}).done)[0] == 200
        assert rig.starter.level == "template", rig.log.lines

    run(scenario, write_project(tmp_path, PROJECTS["predictor"]), Scaling())
