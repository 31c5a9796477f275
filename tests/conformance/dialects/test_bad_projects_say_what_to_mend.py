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


GOOD = schema('{"datatype": "STRING", "shape": [1], "required": True}')
PREDICTOR = "class PythonPredictor:\n    def __init__(self, config): pass\n    def predict(self, payload): pass\n"
FIELDS = "from webargs import fields\ndef get_predict_args():\n    return {'text': fields.Str(required=True)}\n"
NOT_THERE = "import zz_not_there\n"
INSTALL = "pip install zz_not_there"
MODEL = "def f(text):\n    return text\n"

BAD = {
    # (files, file and line of the error, what it says, what to do)
    "service: not Python": ({"service.py": "x = (\n"}, "service.py:1", "is not valid Python", ""),
    "service: an unknown type": (
        {"service.py": SERVICE + "    def infer(self, x: Txt): return 1\n"},
        "service.py:4",
        "name 'Txt' is not defined",
        "",
    ),
    "service: a wrong signature": (
        {"service.py": SERVICE + "    def infer(self, *x): return 1\n"},
        "service.py:4",
        "infer() requires at least one argument",
        "name no inputs",
    ),
    "service: fails to import": (
        {"service.py": NOT_THERE + SERVICE + "    def infer(self, x: int): return 1\n"},
        "service.py:1",
        "zz_not_there",
        INSTALL,
    ),
    "function: a list that is none": (
        {"hotplate.yaml": "functions: [m.py:f\n", "m.py": MODEL},
        "hotplate.yaml:2",
        "not YAML",
        "",
    ),
    "function: not Python": (
        {"hotplate.yaml": "functions: [m.py:f]\n", "m.py": "def f(\n"},
        "m.py:1",
        "is not valid Python",
        "",
    ),
    "function: no such file": ({"hotplate.yaml": "functions: [n.py:f]\n", "m.py": MODEL}, "", "there is no file", ""),
    "function: no such function": (
        {"hotplate.yaml": "functions: [m.py:g]\n", "m.py": MODEL},
        "m.py",
        "m.py has no g",
        "its functions are: f",
    ),
    "function: an unknown type": (
        {"hotplate.yaml": "functions: [m.py:f]\n", "m.py": "\ndef f(x: Txt): return 1\n"},
        "m.py:2",
        "name 'Txt' is not defined",
        "",
    ),
    "function: a wrong signature": (
        {"hotplate.yaml": "functions: [m.py:f]\n", "m.py": "\ndef f(*x): return 1\n"},
        "m.py:2",
        "f() requires at least one argument",
        "name no inputs",
    ),
    "function: fails to import": (
        {"hotplate.yaml": "functions: [m.py:f]\n", "m.py": NOT_THERE + MODEL},
        "m.py:1",
        "zz_not_there",
        INSTALL,
    ),
    "input_schema: no such method": (
        {"app.py": "class InferlessPythonModel:\n    pass\n", "input_schema.py": GOOD},
        "app.py:1",
        "has no infer",
        "def infer(self, inputs):",
    ),
    "input_schema: a wrong signature": (
        {"app.py": APP.replace("(self, inputs)", "(self, text, size)"), "input_schema.py": GOOD},
        "app.py:2",
        "infer takes text, size, and is given the inputs alone",
        "def infer(self, inputs):",
    ),
    "input_schema: fails to import": (
        {"app.py": NOT_THERE + APP, "input_schema.py": GOOD},
        "app.py:1",
        "zz_not_there",
        INSTALL,
    ),
    "input_schema: a file of settings that is none": (
        {"app.py": APP, "input_schema.py": GOOD, "inferless.yaml": "name: [x\n"},
        "inferless.yaml:2",
        "not YAML",
        "",
    ),
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
    "routes: a list that is none": (
        {"hotplate.yaml": "routes:\n  - path: [\n", "model.py": MODEL},
        "hotplate.yaml:3",
        "not YAML",
        "",
    ),
    "routes: a route that is none": (
        {"hotplate.yaml": "routes:\n  - /p\n", "model.py": MODEL},
        "hotplate.yaml:2",
        "must be an object, not a text",
        "write it as",
    ),
    "routes: fails to import": (
        {"hotplate.yaml": routes(body="[{name: text, type: str}]"), "model.py": NOT_THERE + MODEL},
        "model.py:1",
        "zz_not_there",
        INSTALL,
    ),
    "predictor: a list that is none": (
        {"cortex.yaml": "- name: [x\n", "predictor.py": ""},
        "cortex.yaml:2",
        "YAML",
        "",
    ),
    "predictor: an unknown kind": (
        {"cortex.yaml": CORTEX.replace("RealtimeAPI", "Realtime"), "predictor.py": PREDICTOR},
        "cortex.yaml:2",
        'kind: invalid value (got "Realtime", must be one of',
        "docs.cortex",
    ),
    "predictor: an unknown type": (
        {"cortex.yaml": CORTEX.replace("type: python", "type: pyton"), "predictor.py": PREDICTOR},
        "cortex.yaml:4",
        'type: invalid value (got "pyton", must be one of',
        "docs.cortex",
    ),
    "predictor: no such method": (
        {"cortex.yaml": CORTEX, "predictor.py": PREDICTOR.partition("    def predict")[0]},
        "predictor.py",
        'required method "predict" is not defined',
        "write def predict(self, payload):",
    ),
    "predictor: a wrong verb": (
        {
            "cortex.yaml": CORTEX.replace("predictor:", "handler:").replace("predictor.py", "handler.py"),
            "handler.py": "class Handler:\n    def __init__(self, config): pass\n    def handle_fetch(self): pass\n",
        },
        "handler.py",
        'required method "handle_post" is not defined',
        "write def handle_post(self, payload):",
    ),
    "predictor: fails to import": (
        {"cortex.yaml": CORTEX, "predictor.py": NOT_THERE + PREDICTOR},
        "predictor.py:1",
        "zz_not_there",
        INSTALL,
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
    "entry_point: a file that is none": (
        {"pyproject.toml": TOML + "[x\n", "api.py": ""},
        "pyproject.toml",
        "cannot be read",
        "correct the file",
    ),
    "entry_point: an unknown type": (
        {"pyproject.toml": TOML, "api.py": FIELDS.replace("Str", "Txt") + "def predict(text): pass\n"},
        "api.py:3",
        "has no attribute 'Txt'",
        "",
    ),
    "entry_point: a wrong signature": (
        {"pyproject.toml": TOML, "api.py": FIELDS + "def predict(words): pass\n"},
        "api.py:4",
        "predict() of m does not take text, which every call gives it",
        "or let it take **kwargs",
    ),
    "entry_point: a signature that wants more": (
        {"pyproject.toml": TOML, "api.py": FIELDS + "def predict(text, size): pass\n"},
        "api.py:4",
        "predict() of m needs size, which no field names",
        "get_predict_args()",
    ),
    "entry_point: not Python": (
        {"pyproject.toml": TOML, "api.py": "\ndef predict(\n"},
        "api.py:2",
        "SyntaxError",
        "",
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
    where = error.source if isinstance(error, SettingError) else f"{error.file}:{error.line}"
    assert where.startswith(place) or not place, (where, error.message)
    assert match_name(name) in registry.DIALECTS


def match_name(name: str) -> str:
    return name.partition(":")[0]
