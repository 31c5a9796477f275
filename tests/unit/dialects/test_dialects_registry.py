from __future__ import annotations

import subprocess
import sys

import pytest

from hotplate.dialects import registry
from hotplate.errors import ProjectError

SERVICE = "from hotplate import Service\nclass Model(Service):\n    def infer(self, x: str) -> str: return x\n"


def test_nothing_found_says_what_was_looked_for(folder):
    with pytest.raises(ProjectError) as raised:
        folder.match()
    for _, looked_for in registry.DIALECTS.values():
        assert looked_for in raised.value.message
    assert "hotplate init" in str(raised.value.hint)


def test_two_matches_show_both_with_their_evidence_and_how_to_choose(folder):
    folder.write("service.py", SERVICE)
    folder.write("model.py", "def predict(x): return x")
    project = folder.project("model.py:predict", service_module="service")
    with pytest.raises(ProjectError) as raised:
        registry.detect(project)
    assert "service: service.py:2 class Model(Service)" in raised.value.message
    assert "function: model.py:1 def predict" in raised.value.message
    assert "--dialect service" in str(raised.value.hint)
    assert registry.detect(project, "function").entry == "model:predict"


def test_functions_named_on_the_command_line_win_over_a_service_that_nobody_named(folder):
    folder.write("service.py", SERVICE)
    folder.write("model.py", "def predict(x): return x")
    assert folder.match("model.py:predict").dialect == "function"


def test_a_named_dialect_that_does_not_match_says_what_it_looks_for(folder):
    folder.write("service.py", SERVICE)
    with pytest.raises(ProjectError) as raised:
        registry.detect(folder.project(), "function")
    assert "functions named on the command line" in raised.value.message
    assert "service.py" not in raised.value.message


def test_an_unknown_dialect_gets_a_suggestion():
    with pytest.raises(ProjectError) as raised:
        registry.get("servise")
    assert raised.value.hint == "did you mean service?"


@pytest.mark.parametrize("name", registry.DIALECTS)
def test_getting_a_dialect_imports_no_other(name):
    others = [module for other, (module, _) in registry.DIALECTS.items() if other != name]
    code = f"import sys; from hotplate.dialects import registry; registry.get({name!r})\n"
    code += f"assert not {others!r} & sys.modules.keys()".replace("['", "{'").replace("']", "'}")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert registry.get(name).name == name
