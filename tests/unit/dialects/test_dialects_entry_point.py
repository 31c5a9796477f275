from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from project_folder import Folder, folder  # noqa: F401

from hotplate.dialects.base import ABSENT, Loaded, Refused
from hotplate.errors import InvalidOutput, NotProvided, ProjectError

TOML = '[project]\nname = "x"\n[project.entry-points."deepaas.v2.model"]\nm = "{}"\n'
IMPORTS = "from webargs import fields, validate\n"


def argument(loaded: Loaded, name: str) -> Callable[[Any], Any]:
    parameters = loaded.calls[0].parameters
    return next(p.annotation.__metadata__[0].load for p in parameters if p.name == name)


@pytest.fixture
def model(folder: Folder) -> Callable[..., Loaded]:  # noqa: F811
    def load(text: str, value: str = "model", **options: str) -> Loaded:
        folder.write("pyproject.toml", TOML.format(value))
        folder.write("model.py", IMPORTS + text)
        sys.modules.pop("model", None)
        return folder.load(options=options)

    return load


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", TOML.format("model")),
        ("setup.cfg", "[entry_points]\ndeepaas.v2.model =\n    # one\n    m = model\n"),
        ("setup.cfg", "[options.entry_points]\ndeepaas.v2.model =\n    m = model [extra]\n"),
        ("setup.py", 'from setuptools import setup\nsetup(entry_points={"deepaas.v2.model": ["m = model"]})\n'),
    ],
)
def test_a_folder_matches_by_what_it_declares(folder: Folder, name: str, text: str) -> None:  # noqa: F811
    folder.write(name, text)
    match = folder.match()
    assert (match.dialect, match.entry) == ("entry_point", "m=model")
    assert match.evidence[0].file == name
    assert "m" in text.splitlines()[match.evidence[0].line - 1]
    assert [route.name for route in folder.describe().routes] == ["m.predict"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pyproject.toml", "[project.entry-points.'deepaas.v2.model'\n", "pyproject.toml cannot be read"),
        ("pyproject.toml", TOML.format("no module!"), "'no module!' is no entry point"),
        ("setup.py", "setup(entry_points={'deepaas.v2.model'", "setup.py cannot be read"),
    ],
)
def test_a_declaration_that_cannot_be_read_names_its_file(folder: Folder, name: str, text: str, said: str) -> None:  # noqa: F811
    folder.write(name, text)
    with pytest.raises(ProjectError, match=said) as error:
        folder.match()
    assert error.value.file == name


def test_a_folder_without_the_group_does_not_match(folder: Folder) -> None:  # noqa: F811
    folder.write("pyproject.toml", '[project]\nname = "x"\n')
    with pytest.raises(ProjectError, match="nothing to serve"):
        folder.match()


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("", "nowhere", "there is no module nowhere"),
        ("", "model:nothing", "model has no nothing"),
        ("import not_installed_at_all", "model", "No module named"),
        ("class M:\n    def __init__(self, path): pass", "model:M", "no instance of M could be made"),
        ("schema = 5", "model", "schema of m is a int"),
        ("def get_predict_args(): return 1 / 0", "model", "get_predict_args.. of m failed: ZeroDivisionError"),
        ("def get_predict_args(): return [1]", "model", "returned a list"),
        ("def get_predict_args(): return {'accept': fields.Str()}", "model", "accept of m has no choices"),
    ],
)
def test_a_model_that_cannot_be_used_says_why(model: Callable[..., Loaded], text: str, value: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        model(text, value)


def test_the_failing_line_of_the_author_is_named(model: Callable[..., Loaded]) -> None:
    with pytest.raises(ProjectError) as error:
        model("def get_predict_args():\n    return 1 / 0\n")
    assert (error.value.file, error.value.line) == ("model.py", 3)


def test_old_keywords_mean_what_they_meant_with_marshmallow_3(model: Callable[..., Loaded]) -> None:
    loaded = model(
        "def get_predict_args():\n"
        "    field = fields.Int(missing=5, description='How many', enum=[5, 6], location='form', default=7)\n"
        "    assert field.missing == field.load_default == 5\n"
        "    return {'n': field}\n"
        "def predict(**kwargs): return kwargs\n"
    )
    (param,) = loaded.contract.routes[0].params
    assert (param.default, param.description, param.location) == (5, "How many", "form")
    assert param.type.schema == {"type": "integer", "enum": [5, 6], "default": 5}
    assert loaded.calls[0].function(ABSENT) == {"n": 5}
    assert argument(loaded, "n")("6") == 6
    with pytest.raises(Refused) as error:
        argument(loaded, "n")("x")
    assert error.value.messages == ["Not a valid integer."]


def test_what_was_not_sent_and_has_no_default_is_left_out(model: Callable[..., Loaded]) -> None:
    loaded = model(
        "def get_predict_args(): return {'a': fields.Str(), 'b': fields.Str(data_key='B')}\n"
        "def predict(**kwargs): return kwargs\n"
    )
    assert loaded.calls[0].function(ABSENT, "x") == {"b": "x"}


def test_an_answer_is_held_to_its_schema_and_not_changed(model: Callable[..., Loaded]) -> None:
    loaded = model(
        "schema = {'n': fields.Float(required=True)}\n"
        "def get_predict_args(): return {'n': fields.Raw()}\n"
        "def predict(n): return {'n': n}\n"
    )
    predict = loaded.calls[0].function
    assert predict("1.0") == {"n": "1.0"}
    with pytest.raises(InvalidOutput, match="ERROR validating model response"):
        predict("x")


def test_an_own_default_of_accept_stays(model: Callable[..., Loaded]) -> None:
    loaded = model(
        "def get_predict_args():\n"
        "    return {'accept': fields.Str(missing='b/b', validate=validate.OneOf(['a/a', 'b/b']))}\n"
        "def predict(accept): return accept.encode()\n"
    )
    answer = loaded.calls[0].function(ABSENT)
    assert (answer.to_bytes(), answer.content_type) == (b"b/b", "b/b")


def test_what_is_missing_says_so(model: Callable[..., Loaded]) -> None:
    loaded = model("")
    for call in loaded.calls:
        with pytest.raises(NotProvided, match="Not implemented by underlying model"):
            call.function()
    (facts,) = loaded.contract.facts["models"]
    assert facts["metadata"]["description"] == "Could not load description from underlying model (loaded 'm')"


def test_a_failing_get_metadata_fails_alone(model: Callable[..., Loaded]) -> None:
    loaded = model("def get_metadata(): raise ValueError('broken')\ndef predict(): return 1\n")
    assert loaded.contract.facts["models"][0]["metadata"] is None
    assert "get_metadata() of m raised ValueError: broken" in loaded.contract.warnings
    assert loaded.calls[0].function() == 1


@pytest.mark.parametrize(("given", "path"), [("/p/", "/p"), ("", "")])
def test_a_base_path_has_no_slash_at_its_end(model: Callable[..., Loaded], given: str, path: str) -> None:
    assert model("", base_path=given).contract.facts["base_path"] == path


def test_a_base_path_starts_with_a_slash(model: Callable[..., Loaded]) -> None:
    with pytest.raises(ProjectError, match="Base path should start with a '/'."):
        model("", base_path="p")


def test_the_dialect_is_not_imported_for_other_projects(folder: Folder) -> None:  # noqa: F811
    folder.write("service.py", "from hotplate import Service\nclass M(Service):\n    def infer(self): return 1\n")
    for name in [name for name in sys.modules if name.startswith("hotplate.dialects.entry_point")]:
        del sys.modules[name]
    assert folder.match().dialect == "service"
    assert "hotplate.dialects.entry_point" not in sys.modules
    folder.write("pyproject.toml", '[project]\nname = "x"\n')
    assert folder.match().dialect == "service"
    assert "marshmallow" not in sys.modules or "hotplate.dialects.entry_point_models" not in sys.modules


def test_a_list_of_files_is_a_list_of_uploads(model: Callable[..., Loaded]) -> None:
    from hotplate.media import File

    loaded = model(
        "from pathlib import Path\n"
        "def get_predict_args(): return {'all': fields.List(fields.Field(), type='file', location='form')}\n"
        "def predict(all): return [(type(each).__name__, Path(each.filename).read_text()) for each in all]\n"
    )
    values = argument(loaded, "all")([File.from_bytes(b"a"), File.from_bytes(b"b")])
    assert loaded.calls[0].function(values) == [("UploadedFile", "a"), ("UploadedFile", "b")]
