"""The routes dialect: specs are read and checked with their place, functions are fitted and called."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from textwrap import dedent

import pytest

from hotplate.cli.opening import open_project
from hotplate.config.route_texts import OPTION, of_flags
from hotplate.dialects import registry
from hotplate.dialects.base import MISSING, Project
from hotplate.dialects.routes_specs import read
from hotplate.errors import ProjectError, SettingError

PREDICT = """
COUNT = [0]

def predict_image(filename):
    '''Say what a picture shows.'''
    return [{"file": filename}]

def by_name(name, *, n=1):
    return [name, n]

def pieces(n):
    yield from range(n)

async def pieces_later(n):
    for i in range(n):
        yield i

def growing(stop):
    stop.append(1)
    return stop

class Model:
    def answer(self, x):
        return x + 1

model = Model()
number = 5
"""
SEED = (
    '{"verb": "POST", "path": "/predict", "file": "predict", "positional": true, '
    '"body": [{"name": "filename", "type": "str"}], "function": "predict_image"}'
)


@pytest.fixture
def predict(folder):
    folder.write("predict.py", PREDICT)
    return folder


def route(**changed: object) -> str:
    spec = json.loads(SEED) | changed
    return json.dumps({key: value for key, value in spec.items() if value is not ...})


def field(**named: object) -> str:
    return route(body=[{"name": "filename", "type": "str"} | named])


def in_yaml(folder, text: str) -> Project:
    folder.write("hotplate.yaml", "name: pictures\n" + dedent(text))
    return open_project([str(folder.root)]).project


def test_the_seeds_route_is_found_described_and_called(predict):
    match = predict.match(SEED)
    (evidence,) = match.evidence
    assert (match.dialect, match.entry) == ("routes", "predict:predict_image")
    assert (evidence.file, evidence.line) == ("predict.py", 4)
    assert evidence.text == "def predict_image, at POST /predict by --route"
    (described,) = predict.describe(SEED).routes
    assert (described.path, described.method, described.summary) == ("/predict", "POST", "Say what a picture shows.")
    assert [(param.name, param.type.annotation, param.required) for param in described.params] == [
        ("filename", "str", True)
    ]
    loaded = predict.load(SEED)
    assert loaded.contract == predict.describe(SEED)
    assert loaded.calls[0].function("x.jpg") == [{"file": "x.jpg"}]


def test_routes_of_one_path_differ_by_their_verb_and_share_a_module(predict):
    specs = [SEED, route(verb="get"), route(path="predict2", file="predict.py")]
    loaded = predict.load(*specs)
    assert [(each.method, each.path) for each in loaded.contract.routes] == [
        ("POST", "/predict"),
        ("GET", "/predict"),
        ("POST", "/predict2"),
    ]
    assert len({id(call.function) for call in loaded.calls}) == 1


@pytest.mark.parametrize("file", ["predict", "predict.py", "deep/er/predict", "deep/er/predict.py", "deep.er.predict"])
def test_a_file_is_named_with_and_without_its_ending(folder, file):
    folder.write("deep/er/predict.py" if "deep" in file else "predict.py", PREDICT)
    assert folder.load(route(file=file)).calls[0].function("a") == [{"file": "a"}]


def test_arguments_go_by_name_unless_positional_is_true(predict):
    body = [{"name": "n", "type": "int"}, {"name": "name", "type": "str"}]
    loaded = predict.load(route(function="by_name", positional=False, body=body))
    assert loaded.calls[0].function(3, "x") == ["x", 3]


def test_a_method_of_an_instance_is_a_function_too(predict):
    spec = route(function="model.answer", body=[{"name": "x", "type": "int"}])
    assert predict.describe(spec).routes[0].name == "answer"
    assert predict.load(spec).calls[0].function(1) == 2


def test_a_generator_answers_with_one_list(predict):
    body = [{"name": "n", "type": "int"}]
    loaded = predict.load(route(function="pieces", body=body), route(path="/b", function="pieces_later", body=body))
    first, second = loaded.calls
    assert first.function(3) == [0, 1, 2]
    assert asyncio.run(second.function(2)) == [0, 1]
    assert [call.route.stream for call in loaded.calls] == [False, False]
    assert second.route.asynchronous
    assert loaded.contract.routes[0].returns.schema["type"] == "array"


def test_annotations_of_the_function_have_no_say(folder):
    folder.write(
        "predict.py",
        "from __future__ import annotations\ndef predict_image(filename: Nowhere[1]) -> Missing: return filename\n",
    )
    (call,) = folder.load(SEED).calls
    assert call.parameters[0].annotation is str
    assert call.route.returns.annotation == "Missing"


def test_the_code_runs_in_its_folder_which_variables_name(folder):
    folder.write("predict.py", "import os\nHERE = os.getcwd()\nPATH = os.environ['ML_MODEL_PATH']\n" + PREDICT)
    folder.load(SEED)
    assert Path.cwd() == folder.root == Path(os.environ["PROXIML_MODEL_PATH"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("None", None),
        ("5", 5),
        ("-0.5", -0.5),
        ("True", True),
        ('"x"', "x"),
        ("'it''s'", "its"),
        (" [1, {'a': None}] ", [1, {"a": None}]),
        ("(1, 2)", (1, 2)),
        (None, None),
        (7, 7),
        ([], []),
        ({"a": 1}, {"a": 1}),
        (False, False),
    ],
)
def test_a_default_is_a_python_literal(predict, text, value):
    project = predict.project(field(optional=True, default_value=text))
    assert read(project)[0].body[0].default == value


def test_a_default_counts_only_where_the_parameter_is_optional(predict):
    project = predict.project(field(default_value='"x"'))
    assert read(project)[0].body[0].default is MISSING
    assert "has no effect" in predict.load(field(default_value='"x"')).contract.warnings[0]


def test_a_default_of_another_type_is_told_and_kept(predict):
    (call,) = (loaded := predict.load(field(optional=True, default_value="5"))).calls
    assert call.parameters[0].default == 5
    assert loaded.contract.warnings == ("POST /predict: default_value of 'filename' is int, though its type is str",)
    assert not predict.load(field(type="float", optional=True, default_value="5")).contract.warnings


def test_an_optional_parameter_whose_default_is_none_takes_null(predict):
    (param,) = predict.describe(field(type="dict", optional=True)).routes[0].params
    assert (param.required, param.default) == (False, None)
    assert {"type": "null"} in param.type.schema["anyOf"]


def test_other_faces_find_the_first_route_at_infer(predict):
    project = Project(root=predict.root, options={OPTION: of_flags([SEED])}, faces=("plain",))
    match = registry.detect(project)
    loaded = registry.get("routes").load(project, match)
    assert [each.path for each in loaded.contract.routes] == ["/predict", "/infer"]
    assert loaded.calls[1].function("a") == [{"file": "a"}]


def test_a_project_without_routes_is_not_one(predict):
    assert registry.get("routes").match(predict.project()) is None
    empty = Project(root=predict.root, options={OPTION: "[]"})
    assert registry.get("routes").match(empty) is None


def test_functions_are_not_named_in_two_ways(predict):
    with pytest.raises(SettingError, match="as well"):
        registry.get("routes").match(predict.project(SEED, "predict.py:predict_image"))


WRONG = {
    "not json": ('{"path": "/predict", ', "not JSON", "in single quotes"),
    "no object": ("[1]", "must be an object, not a list", "write it as"),
    "a key twice": ('{"path": "/a", "path": "/b"}', "has 'path' twice", "remove one"),
    "no path": (route(path=...), "has no path", "add path"),
    "a path that is none": (route(path="/a b"), "is not a path", "use letters"),
    "a path with a parameter": (route(path="/a/{id}"), "is not a path", "inputs come in the body"),
    "the server's own": (route(path="/ping", verb="GET"), "GET /ping is the server's own", "another path"),
    "a wrong verb": (route(verb="FETCH"), "verb 'FETCH' is not known", "POST, GET"),
    "head": (route(verb="HEAD"), "verb 'HEAD' is not known", "answered as GET"),
    "an unknown key": (route(method="POST"), "has no 'method'", "did you mean verb?"),
    "no file": (route(file=...), "has no file", "add file"),
    "a number for a file": (route(file=5), "file must be a text, not a number", "quotes"),
    "a file outside": (route(file="../secret"), "does not lie in the project", "predict"),
    "a file that is no module": (route(file="my-predict"), "cannot be imported", "underscores"),
    "a missing file": (route(file="predikt"), "There is no file predikt.py", "there are: predict.py"),
    "a missing function": (route(function="predict_imag"), "no function predict_imag", "did you mean predict_image?"),
    "another missing function": (route(function="zzz"), "no function zzz", "its functions are: predict_image, by_name"),
    "no function's name": (route(function="a b"), "does not name a function", "name alone"),
    "positional text": (route(positional="maybe"), "positional must be true or false", "without quotes"),
    "a body that is no list": (route(body={"name": "x"}), "body must be a list", "write it as"),
    "a parameter that is no object": (route(body=["x"]), "must be an object, not a text", "write it as"),
    "a parameter without type": (field(type=None), "has no type", "add type"),
    "an unknown type": (field(type="String"), "type 'String' of 'filename' is not known", "write str"),
    "a mistyped type": (field(type="flaot"), "not known", "write float; types are str, int"),
    "a parameter's unknown key": (field(defualt_value="1"), "has no 'defualt_value'", "did you mean default_value?"),
    "a name that is none": (field(name="file name"), "cannot name a parameter", "underscores"),
    "a name twice": (route(body=[{"name": "a", "type": "int"}] * 2), "has 'a' twice", "remove one"),
    "null": (field(optional=True, default_value="null"), "no Python literal: 'null'", "write None"),
    "text without quotes": (field(optional=True, default_value="hello"), "no Python literal", r'"\"hello\""'),
    "a call": (field(optional=True, default_value="open('/etc/passwd')"), "no Python literal", "it is not run"),
    "deep": (field(optional=True, default_value="(" * 5000), "no Python literal", "it is not run"),
    "long": (field(optional=True, default_value="'" + "x" * 70_000 + "'"), "no Python literal", "it is not run"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_on_the_command_line_is_told_with_the_next_step(predict, case):
    text, message, hint = WRONG[case]
    project = Project(root=predict.root, options={OPTION: of_flags([route(path="/first"), text])})
    with pytest.raises(SettingError) as raised:
        registry.detect(project)
    assert message in raised.value.message
    assert hint in str(raised.value.hint)
    assert raised.value.source == "--route 2"


def test_a_route_twice_is_told_with_both_places(predict):
    with pytest.raises(SettingError, match="POST /predict is there twice, first at --route 1"):
        predict.match(SEED, route(function="pieces"))


def test_a_verb_is_post_where_none_is_said(predict):
    assert predict.describe(route(verb=...)).routes[0].method == "POST"


FIT = {
    "too many": (route(body=[{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]), "2 values by position"),
    "too few": (route(body=[]), "no value for filename"),
    "another name": (route(positional=False, body=[{"name": "file", "type": "str"}]), "file by name"),
    "a missing name": (
        route(function="by_name", positional=False, body=[{"name": "n", "type": "int"}]),
        "no value for name",
    ),
    "keywords by position": (
        route(function="by_name", body=[{"name": "a", "type": "int"}, {"name": "n", "type": "int"}]),
        "2 values by position",
    ),
}


@pytest.mark.parametrize("case", FIT)
def test_a_function_that_takes_other_arguments_is_told_at_its_own_line(predict, case):
    text, message = FIT[case]
    with pytest.raises(ProjectError, match=message) as raised:
        predict.match(text)
    assert (raised.value.file, raised.value.line) == ("predict.py", 8 if "by_name" in text else 4)
    assert "body (--route)" in str(raised.value.hint)


def test_what_only_an_import_shows_is_held_to_the_same_rules(folder):
    folder.write("real.py", PREDICT)
    folder.write("predict.py", "from real import *\n")
    assert folder.load(SEED).calls[0].function("a") == [{"file": "a"}]
    with pytest.raises(ProjectError, match="too many") as raised:
        folder.load(FIT["too many"][0])
    assert raised.value.file == "real.py"
    with pytest.raises(SettingError, match="no function zzz"):
        folder.load(route(function="zzz"))


@pytest.mark.parametrize(("name", "what"), [("Model", "a class"), ("number", "a value of type int")])
def test_what_is_no_function_is_told(predict, name, what):
    with pytest.raises(ProjectError, match=what):
        predict.load(route(function=name))


def test_arguments_without_end_take_everything(folder):
    folder.write("predict.py", "def predict_image(*a, **k): return [list(a), k]\n")
    body = [{"name": "x", "type": "int"}, {"name": "y", "type": "int"}]
    by_place, by_name = folder.load(route(body=body), route(path="/b", positional=False, body=body)).calls
    assert by_place.function(1, 2) == [[1, 2], {}]
    assert by_name.function(1, 2) == [[], {"x": 1, "y": 2}]


YAML = """
routes:
  - path: /predict
    verb: POST
    file: predict
    function: by_name
    body:
      - name: name
        type: str
      - name: n
        type: int
        optional: true
        default_value: 3
  - path: /growing
    file: predict.py
    function: growing
    positional: yes
    body:
      - {name: stop, type: list, optional: true, default_value: []}
"""


def test_routes_stand_in_the_project_file(predict):
    project = in_yaml(predict, YAML)
    match = registry.detect(project)
    assert match.evidence[0].text == "def by_name, at POST /predict by hotplate.yaml:4"
    loaded = registry.get("routes").load(project, match)
    first, second = loaded.calls
    assert loaded.contract.name == "pictures"
    assert first.function("a", 3) == ["a", 3]
    assert first.parameters[1].default == 3
    assert second.parameters[0].default == []


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("verb: POST", "verb: FETCH", 5, "verb 'FETCH'"),
        ("function: by_name", "function: nothing", 7, "no function nothing"),
        ("file: predict\n", "file: other\n", 6, "no file other.py"),
        ("type: int", "type: integer", 12, "type 'integer' of 'n'"),
        ("default_value: 3", "default_value: x", 14, "no Python literal"),
        ("default_value: 3", "default_value: [a, b]", 14, "is YAML"),
        ("default_value: 3", "defualt: 3", 14, "has no 'defualt'"),
        ("optional: true\n", "optional: perhaps\n", 13, "optional must be true or false"),
        ("/growing", "/predict", 15, "there twice, first at line 4"),
        ("- name: name\n        type: str", "- name: name", 9, "has no type"),
    ],
)
def test_what_is_wrong_in_the_project_file_is_told_with_its_line(predict, old, new, line, message):
    project = in_yaml(predict, YAML.replace(old, new, 1))
    with pytest.raises(ProjectError, match=message) as raised:
        registry.detect(project)
    assert (raised.value.file, raised.value.line) == ("hotplate.yaml", line)
    assert raised.value.hint


def test_a_misfit_names_the_function_and_the_line_of_the_body(predict):
    project = in_yaml(predict, YAML.replace("- name: name", "- name: nom"))
    with pytest.raises(ProjectError, match="nom by name") as raised:
        registry.detect(project)
    assert (raised.value.file, raised.value.line) == ("predict.py", 8)
    assert "hotplate.yaml:8" in str(raised.value.hint)


def test_routes_that_are_no_list_are_refused(predict):
    with pytest.raises(SettingError, match="must be a list of routes"):
        in_yaml(predict, "routes: predict.py")


def test_what_is_typed_wins_over_the_project_file(predict):
    predict.write("hotplate.yaml", YAML)
    project = open_project([str(predict.root)], options={OPTION: of_flags([SEED])}).project
    assert [spec.label for spec in read(project)] == ["POST /predict"]


def test_a_service_beside_routes_of_the_file_is_for_the_author_to_choose(predict):
    predict.write_service()
    project = in_yaml(predict, YAML)
    with pytest.raises(ProjectError, match="2 ways"):
        registry.detect(project)
    assert registry.detect(project, dialect="routes").dialect == "routes"
