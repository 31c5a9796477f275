"""A Cortex project under test, for the suites of the predictor dialect."""

from __future__ import annotations

import pytest

API = """
- name: iris
  kind: RealtimeAPI
  predictor:
    type: python
    path: predictor.py
"""
PREDICTOR = """
class PythonPredictor:
    def __init__(self, config):
        self.config = config

    def predict(self, payload):
        \"\"\"Answer.

        In full.\"\"\"
        return {"payload": payload, "config": self.config}
"""


INIT = "    def __init__(self, config): pass\n"


@pytest.fixture
def project(folder):
    def make(text=PREDICTOR, more="", yaml=API, top=""):
        folder.write("cortex.yaml", yaml)
        (folder.root / "cortex.yaml").write_text(yaml + "".join(f"    {line}\n" for line in more.splitlines()) + top)
        folder.write("predictor.py", text)
        return folder

    return make


def made(folder, **named):
    loaded = folder.load(**named)
    loaded.setup()
    return loaded
