"""Functions named on the command line."""

from __future__ import annotations

import pytest

from hotplate.dialects.function import parse
from hotplate.errors import ProjectError


def paths(loaded):
    return [call.route.path for call in loaded.calls]


def test_a_single_function_is_served_at_its_name_and_at_infer(folder):
    folder.write(
        "model.py",
        '"""Adds."""\n\n\ndef add_up(a: int, b: int = 2) -> int:\n    """Sum.\n\n    Of two."""\n    return a + b',
    )
    loaded = folder.load("model.py:add_up")
    assert paths(loaded) == ["/add-up", "/infer"]
    assert [call.function(1, 2) for call in loaded.calls] == [3, 3]
    route = loaded.contract.routes[0]
    assert (route.name, route.summary, route.description) == ("add_up", "Sum.", "Of two.")
    assert (route.source.file, route.source.line) == ("model.py", 4)
    assert loaded.contract.entry == "model:add_up"
    assert loaded.contract.description == "Adds."
    assert folder.describe("model.py:add_up") == loaded.contract


def test_several_functions_are_served_at_their_names_alone(folder):
    folder.write("model.py", "def a(x: str): return 'a'\ndef b(x: str): return 'b'")
    folder.write("pkg/__init__.py", "")
    folder.write(
        "pkg/more.py", "from . import __name__ as n\nfrom hotplate import path\n@path('/v1/c')\ndef c(x: str): return n"
    )
    targets = ("model.py:a", "model:b", "pkg/more.py:c")
    loaded = folder.load(*targets)
    assert paths(loaded) == ["/a", "/b", "/v1/c"]
    assert [call.function("x") for call in loaded.calls] == ["a", "b", "pkg"]
    assert loaded.contract.entry == "model:a,model:b,pkg.more:c"
    assert folder.describe(*targets) == loaded.contract


def test_a_function_called_infer_has_one_route(folder):
    folder.write("model.py", "def infer(x: str) -> str: return x")
    assert paths(folder.load("model.py:infer")) == ["/infer"]


def test_hints_are_optional_and_what_has_none_takes_anything(folder):
    folder.write("model.py", "def predict(x, scale=1.5, *rest, flag=False, **more): return [x, scale, flag]")
    loaded = folder.load("model.py:predict")
    route = loaded.contract.routes[0]
    assert [(p.name, p.type.schema, p.required, p.default) for p in route.params] == [
        ("x", {}, True, None),
        ("scale", {}, False, 1.5),
        ("flag", {}, False, False),
    ]
    assert route.returns.schema == {}
    assert loaded.calls[0].function("a", 2, True) == ["a", 2, True]


def test_anything_that_can_be_called_is_served(folder):
    folder.write(
        "model.py",
        """
        from functools import partial, wraps
        class Model:
            def __call__(self, x: str) -> str: return "called " + x
            def method(self, x: int) -> int: return x + 1
        model = Model()
        half = partial(lambda scale, x: x * scale, 0.5)
        def logged(function):
            @wraps(function)
            def inner(*args, **kwargs): return function(*args, **kwargs)
            return inner
        @logged
        def wrapped(x: float) -> float: return x
        """,
    )
    loaded = folder.load("model.py:model", "model.py:model.method", "model.py:half", "model.py:wrapped")
    assert paths(loaded) == ["/model", "/method", "/half", "/wrapped"]
    assert [call.parameters[0].annotation for call in loaded.calls][:2] == [str, int]
    assert [call.function(x) for call, x in zip(loaded.calls, ["a", 1, 3, 2.0], strict=True)] == [
        "called a",
        2,
        1.5,
        2.0,
    ]


def test_a_function_in_a_folder_finds_its_neighbours(folder):
    folder.write("src/model.py", "import neighbour\ndef predict(x: str): return neighbour.NAME")
    folder.write("src/neighbour.py", "NAME = 'near'")
    assert folder.load("src/model.py:predict").calls[0].function("x") == "near"


def test_a_package_starts_below_the_project_even_if_the_project_is_one(tmp_path):
    (tmp_path / "__init__.py").touch()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    assert parse("model.py:f", tmp_path).module == "model"
    assert parse("pkg/model.py:f", tmp_path).module == "pkg.model"


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("model.py", "does not name a function", "model.py:predict"),
        ("model.py:", "does not name a function", "model.py:predict"),
        (":predict", "does not name a function", "model.py:predict"),
        ("model.py:a b", "does not name a function", "model.py:predict"),
        ("../x:predict", "does not name a module", "model.py:predict"),
        ("nowhere.py:predict", "there is no file", "seen from"),
        ("model.py:predcit", "model.py has no predcit", "did you mean predict?"),
        ("model.py:other", "model.py has no other", "its functions are: predict"),
        ("zz_absent:predict", "module 'zz_absent' not found", ""),
        ("model.py:Model", "is a class, not a function", "--service-class Model"),
        ("model.py:VALUE", "is a int, which cannot be called", "name a function"),
        ("model.py:hidden", "requires at least one argument", "functools.wraps"),
        ("my-model.py:f", "is not a module name", "letters"),
    ],
)
def test_a_target_that_cannot_be_served_says_why(folder, target, message, hint):
    folder.write(
        "model.py",
        "VALUE = 1\nclass Model: pass\ndef predict(x): return x\n"
        "_hide = lambda f: lambda *a: f(*a)\nhidden = _hide(predict)",
    )
    folder.write("my-model.py", "def f(x): return x")
    with pytest.raises(ProjectError) as raised:
        folder.load(target)
    assert message in raised.value.message
    assert hint in str(raised.value.hint)


def test_two_functions_at_one_path_are_an_error(folder):
    folder.write("a.py", "def f(x): return x")
    folder.write("b.py", "def f(x): return x")
    with pytest.raises(ProjectError, match=r"f\(\) and f\(\) would both be served at /f"):
        folder.load("a.py:f", "b.py:f")


def test_an_installed_module_is_served_too(folder):
    loaded = folder.load("textwrap:dedent")
    assert loaded.calls[0].function("  x") == "x"
    assert [route.path for route in folder.describe("textwrap:dedent").routes] == ["/dedent", "/infer"]


def test_a_function_without_parameters_is_served(folder):
    folder.write("model.py", "def now() -> float: return 1.0")
    assert folder.load("model.py:now").calls[0].parameters == ()
