"""Half a project is told what its other half is; two that fit, or one beside a broken one, are never guessed."""

from __future__ import annotations

import pytest

from hotplate.dialects import registry
from hotplate.errors import ProjectError

SERVICE = "from hotplate import Service\nclass Model(Service):\n    def infer(self, x: str) -> str: return x\n"
INFERLESS = "class InferlessPythonModel:\n    def infer(self, inputs): return inputs\n"
CORTEX = "- name: x\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: predictor.py\n"
PREDICTOR = "class PythonPredictor:\n    def __init__(self, config): pass\n    def predict(self, payload): return 1\n"
TOML = '[project]\nname = "m"\nversion = "1"\n[project.entry-points."deepaas.v2.model"]\nm = "api"\n'
DEEPAAS = "def get_predict_args(): return {}\ndef predict(): return 1\n"
ROUTES = "routes:\n  - {path: /p, verb: POST, file: m, function: f}\n"

HALVES = {
    "service without Service": ({"service.py": "class Foo: pass\n"}, "service: service.py:1 class Foo does not derive"),
    "service without a class": ({"service.py": "x = 1\n"}, "service: service.py:1 has no class"),
    "octoai.yaml alone": (
        {"octoai.yaml": "endpoint_config:\n  name: x\n"},
        "service: octoai.yaml is here, and service.py",
    ),
    "input_schema.py alone": (
        {"input_schema.py": "INPUT_SCHEMA = {}\n"},
        "input_schema: input_schema.py is here, and app",
    ),
    "input.json alone": ({"input.json": "{}"}, "input_schema: input.json is here, and app.py with class"),
    "a request class alone": (
        {"app.py": "import inferless\n@inferless.request\nclass R: pass\n"},
        "input_schema: app.py:2 @inferless.request is here, class InferlessPythonModel is not",
    ),
    "Inferless's class elsewhere": ({"main.py": INFERLESS}, "input_schema: main.py:1 class InferlessPythonModel must"),
    "a predictor alone": (
        {"src/predictor.py": PREDICTOR},
        "predictor: src/predictor.py:1 class PythonPredictor is here",
    ),
    "a handler alone": (
        {"h.py": "class Handler:\n    def handle_post(self): pass\n"},
        "predictor: h.py:1 class Handler",
    ),
    "a DEEPaaS module alone": (
        {"src/pkg/api.py": DEEPAAS, "src/pkg/__init__.py": ""},
        "entry_point: src/pkg/api.py:1 def get_predict_args is here, and no entry point names the module: write "
        '[project.entry-points."deepaas.v2.model"] and NAME = "pkg.api" in pyproject.toml',
    ),
    "a function alone": (
        {"model.py": "def predict(x): return x\n"},
        "function: model.py:1 def predict can be served: hotplate run model.py:predict",
    ),
    "a typed function of any name": (
        {
            "setup.py": "def install(x: int) -> None: ...\n",
            "hello.py": "def _own(x: int): ...\ndef bare(x): ...\ndef greet(name: str) -> str: return name\n",
        },
        "function: hello.py:3 def greet can be served: hotplate run hello.py:greet\n",
    ),
}


@pytest.mark.parametrize("name", HALVES)
def test_half_a_project_is_told_what_is_missing(folder, name):
    files, text = HALVES[name]
    for file, content in files.items():
        folder.write(file, content)
    with pytest.raises(ProjectError) as raised:
        folder.match()
    assert "what comes near\n" in raised.value.message
    assert f"  {text}" in raised.value.message + "\n"
    assert "hotplate init" in str(raised.value.hint)


def test_files_that_cannot_be_read_leave_no_trace(folder):
    folder.write("main.py", "def (\n")
    (folder.root / "model.py").write_bytes(b"\xff\x00")
    with pytest.raises(ProjectError, match="looked for"):
        folder.match()


WHOLE = {
    "service": {"service.py": SERVICE},
    "input_schema": {"app.py": INFERLESS, "input_schema.py": "INPUT_SCHEMA = {}\n"},
    "predictor": {"cortex.yaml": CORTEX, "predictor.py": PREDICTOR},
    "entry_point": {"pyproject.toml": TOML, "api.py": DEEPAAS},
}


@pytest.mark.parametrize("one", WHOLE)
@pytest.mark.parametrize("other", WHOLE)
def test_any_two_dialects_in_one_folder_are_shown_and_never_guessed(folder, one, other):
    for file, content in {**WHOLE[one], **WHOLE[other]}.items():
        folder.write(file, content)
    if one == other:
        assert folder.match().dialect == one
        return
    with pytest.raises(ProjectError, match="can be read in 2 ways") as raised:
        folder.match()
    for name in (one, other):
        assert f"\n  {name}: " in raised.value.message
        assert registry.detect(folder.project(), name).dialect == name
    assert "--dialect" in str(raised.value.hint)
    assert "hotplate.yaml" in str(raised.value.hint)


def test_one_that_fits_beside_a_broken_one_is_not_taken_silently(folder):
    folder.write("service.py", SERVICE)
    folder.write("cortex.yaml", CORTEX)
    with pytest.raises(ProjectError) as raised:
        folder.match()
    assert "\n  service: service.py:2 class Model(Service)" in raised.value.message
    assert (
        "\n  predictor: cortex.yaml:5 error: cortex.yaml: x (RealtimeAPI): predictor: path: predictor.py: does not"
        in (raised.value.message)
    )
    assert registry.detect(folder.project(), "service").dialect == "service"


def test_a_broken_one_alone_says_its_own_error(folder):
    folder.write("cortex.yaml", CORTEX)
    with pytest.raises(ProjectError, match=r"predictor.py: does not exist") as raised:
        folder.match()
    assert (raised.value.file, raised.value.line) == ("cortex.yaml", 5)
