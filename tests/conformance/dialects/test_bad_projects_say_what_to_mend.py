"""What an author can get wrong, per dialect: the error names the file, the line and the fix."""

from __future__ import annotations

import pytest

from hotplate.cli.opening import open_project
from hotplate.dialects import registry
from hotplate.errors import ProjectError, SettingError

APP = "class InferlessPythonModel:\n    def infer(self, inputs):\n        return inputs\n"
SERVICE = "from hotplate import Service, path\n\nclass Model(Service):\n"
CORTEX = "- name: x\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: predictor.py\n"
TOML = '[project]\nname = "m"\nversion = "1"\n\n[project.entry-points."deepaas.v2.model"]\nm = "api"\n'


def schema(entry: str) -> str:
    return f'INPUT_SCHEMA = {{\n    "text": {entry},\n}}\n'


def routes(**changed: str) -> str:
    keys = {"path": "/p", "verb": "POST", "file": "model", "function": "f", **changed}
    return "routes:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in keys.items()) + "\n"


MODEL = "def f(text):\n    return text\n"

BAD = {
    # (files, file and line of the error, what it says, what to do)
    "service: not Python": ({"service.py": "x = (\n"}, "service.py:1", "is not valid Python", ""),
    "service: no infer": ({"service.py": SERVICE + "    x = 1\n"}, "service.py:3", "infer", ""),
    "service: a path of no kind": (
        {
            "service.py": SERVICE
            + "    def infer(self, x: int): return 1\n    @path('/a b')\n    def b(self, x: int): return x\n"
        },
        "service.py:",
        "/a b",
        "",
    ),
    "input_schema: not Python": (
        {"app.py": APP, "input_schema.py": "INPUT_SCHEMA = {\n"},
        "input_schema.py:1",
        "not",
        "",
    ),
    "input_schema: an unknown datatype": (
        {"app.py": APP, "input_schema.py": schema('{"datatype": "FLOAT", "shape": [1], "required": True}')},
        "input_schema.py:1",
        "there is no datatype 'FLOAT' (did you mean FP32?)",
        "the datatypes are",
    ),
    "input_schema: a shape that is none": (
        {"app.py": APP, "input_schema.py": schema('{"datatype": "STRING", "shape": 1, "required": True}')},
        "input_schema.py:1",
        "shape not specified as a python list",
        "[-1] for any length",
    ),
    "input_schema: both styles at once": (
        {
            "app.py": "import inferless\n\n@inferless.request\nclass R:\n    text: str\n\n"
            "@inferless.response\nclass A:\n    text: str\n\n" + APP,
            "input_schema.py": schema('{"datatype": "STRING", "shape": [1], "required": True}'),
        },
        "app.py:4",
        "inputs are declared twice: by R in app.py and by INPUT_SCHEMA in input_schema.py",
        "keep one: delete input_schema.py or the class",
    ),
    "input_schema: no schema": ({"app.py": APP}, "app.py:1", "nothing says what its inputs are", "write INPUT_SCHEMA"),
    "routes: an unknown verb": (
        {"hotplate.yaml": routes(verb="PSOT"), "model.py": MODEL},
        "hotplate.yaml:3",
        "The verb 'PSOT' is not known",
        "use one of POST",
    ),
    "routes: no such file": (
        {"hotplate.yaml": routes(), "m.py": MODEL},
        "hotplate.yaml:4",
        "no file model.py",
        "there are: m.py",
    ),
    "routes: no such function": (
        {"hotplate.yaml": routes(function="g"), "model.py": MODEL},
        "hotplate.yaml:5",
        "model.py has no function g",
        "",
    ),
    "routes: an unknown type": (
        {"hotplate.yaml": routes(body="[{name: text, type: string}]"), "model.py": MODEL},
        "hotplate.yaml:6",
        "The type 'string' of 'text' is not known",
        "write str",
    ),
    "routes: an unknown key": (
        {"hotplate.yaml": routes(method="POST"), "model.py": MODEL},
        "hotplate.yaml:6",
        "method",
        "verb",
    ),
    "routes: a template that does not fit": (
        {"hotplate.yaml": routes(body="[{name: words, type: str}]"), "model.py": MODEL},
        "model.py:1",
        "words",
        "",
    ),
    "predictor: no such file": (
        {"cortex.yaml": CORTEX},
        "cortex.yaml:5",
        "predictor.py: does not exist",
        "docs.cortex",
    ),
    "predictor: no such class": (
        {"cortex.yaml": CORTEX, "predictor.py": "\nclass Model: pass\n"},
        "predictor.py:2",
        "PythonPredictor class is not defined",
        "call Model so, or write class PythonPredictor:",
    ),
    "predictor: a wrong signature": (
        {
            "cortex.yaml": CORTEX,
            "predictor.py": "class PythonPredictor:\n    def __init__(self, config): pass\n"
            "    def predict(self, text): pass\n",
        },
        "predictor.py:3",
        '"text" is not a supported argument',
        "",
    ),
    "predictor: an unknown key": (
        {"cortex.yaml": CORTEX + "    scale: 2\n", "predictor.py": ""},
        "cortex.yaml:6",
        'key "scale" is not supported',
        "docs.cortex",
    ),
    "entry_point: a table that is none": (
        {"pyproject.toml": TOML.replace('"api"', '"a b"'), "api.py": ""},
        "pyproject.toml:6",
        "is no entry point",
        "package.module:attribute",
    ),
    "entry_point: fails to import": (
        {"pyproject.toml": TOML, "api.py": "\nimport zz_not_there\n"},
        "api.py:2",
        "zz_not_there",
        "pip install zz_not_there",
    ),
    "entry_point: no such module": (
        {"pyproject.toml": TOML.replace('"api"', '"nowhere.api"')},
        "pyproject.toml:6",
        "nowhere",
        "",
    ),
    "entry_point: no such attribute": (
        {"pyproject.toml": TOML.replace('"api"', '"api:model"'), "api.py": ""},
        "pyproject.toml:6",
        "model",
        "",
    ),
    "entry_point: arguments that fail": (
        {
            "pyproject.toml": TOML,
            "api.py": "def get_predict_args():\n    raise ValueError('no')\ndef predict(): pass\n",
        },
        "api.py:2",
        "get_predict_args() of m failed",
        "",
    ),
    "entry_point: a schema that is none": (
        {"pyproject.toml": TOML, "api.py": "schema = 5\ndef predict(): pass\n"},
        "",
        "schema",
        "a dictionary of fields",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_error_names_the_place_and_the_fix(folder, name):
    files, place, says, do = BAD[name]
    for file, text in files.items():
        folder.write(file, text)
    with pytest.raises((ProjectError, SettingError)) as raised:
        project = open_project([str(folder.root)]).project
        match = registry.detect(project)
        dialect = registry.get(match.dialect)
        dialect.describe(project, match)
        dialect.load(project, match)
    error = raised.value
    assert says in error.message
    assert do in str(error.hint)
    assert error.hint or error.__cause__ is not None, "neither a fix nor the author's own traceback"
    assert f"{error.file}:{error.line}".startswith(place) or not place, (error.file, error.line, error.message)
    assert match_name(name) in registry.DIALECTS


def match_name(name: str) -> str:
    return name.partition(":")[0]
