"""Which methods are served, where, and what is said of the others. Rules: octoai-sdk 0.10.1, service.py."""

from __future__ import annotations

import pytest
from project_folder import INFER

from hotplate.contract import Lifecycle
from hotplate.errors import ProjectError


def paths(loaded):
    return {call.route.name: call.route.path for call in loaded.calls}


def test_public_methods_are_served_at_their_name_with_dashes_or_at_their_path(folder):
    loaded = folder.service(
        """
        def my_new_route2(self, input_text: str) -> str: return input_text
        @path("/v1/embed")
        def embed(self, input_text: str) -> list[float]: return [1.0]
        def _private(self, x: str) -> str: return x
        """
    )
    assert paths(loaded) == {"infer": "/infer", "embed": "/v1/embed", "my_new_route2": "/my-new-route2"}
    assert [call.route.name for call in loaded.calls] == ["infer", "embed", "my_new_route2"]
    assert loaded.contract.warnings == ()


def test_hooks_are_no_routes_and_are_known(folder):
    loaded = folder.service(
        """
        def setup(self): self.ready = True
        def on_server_shutdown(self): pass
        """
    )
    assert paths(loaded) == {"infer": "/infer"}
    assert loaded.contract.lifecycle == Lifecycle(setup=True, shutdown=True)
    assert loaded.startup is None
    assert loaded.store_assets is None
    loaded.setup()
    assert loaded.setup.__self__.ready is True


def test_inherited_methods_and_class_methods_are_served_and_static_ones_are_not(folder):
    folder.write("mixins.py", "class Mixin:\n    def upper(self, text: str) -> str: return text.upper()\n")
    folder.write(
        "service.py",
        """
        from hotplate import Service, path
        from mixins import Mixin

        class Base(Service):
            def twice(self, text: str) -> str: return text * 2
            def gone(self, text: str) -> str: return text

        class Model(Mixin, Base):
            gone = None
            def infer(self, prompt: str) -> str: return prompt
            @classmethod
            def kind(cls, text: str) -> str: return cls.__name__ + text
            @staticmethod
            def still(text: str) -> str: return text
            @path("/silent")
            @staticmethod
            def silent(text: str) -> str: return text
            @property
            def size(self) -> int: raise AssertionError("a property was read")
        """,
    )
    loaded = folder.load()
    assert paths(loaded) == {"infer": "/infer", "kind": "/kind", "twice": "/twice", "upper": "/upper"}
    calls = {call.route.name: call.function for call in loaded.calls}
    assert (calls["kind"]("!"), calls["upper"]("a"), calls["twice"]("a")) == ("Model!", "A", "aa")
    assert [warning.partition(" (")[0] for warning in loaded.contract.warnings] == ["silent()"]
    assert folder.describe() == loaded.contract


def test_a_route_without_a_return_annotation_is_served_as_anything(folder):
    loaded = folder.service(
        """
        @path("/new-route")
        def my_new_route(self, input_text: str): return input_text
        def my_new_route2(self, input_text: str): return input_text
        """
    )
    assert paths(loaded) == {"infer": "/infer", "my_new_route": "/new-route", "my_new_route2": "/my-new-route2"}
    assert loaded.calls[1].route.returns.schema == {}


def test_helpers_that_cannot_be_served_do_not_stop_the_start(folder):
    loaded = folder.service(
        """
        def prepare(self, prompt): return prompt
        def reload(self) -> None: pass
        def shape(self, pixels: range) -> range: return pixels
        def missing(self, x: "Nowhere") -> int: return 1
        """
    )
    assert paths(loaded) == {"infer": "/infer"}
    warnings = loaded.contract.warnings
    assert [warning.partition("(")[0] for warning in warnings] == ["missing", "prepare", "reload", "shape"]
    assert "service.py:6" in warnings[1]
    assert "prepare() requires type annotations for args" in warnings[1]
    assert "name it _prepare" in warnings[1]
    assert "reload() requires at least one argument" in warnings[2]


def test_arrays_are_for_infer_and_what_has_a_path(folder):
    loaded = folder.service(
        """
        @path("/shape")
        def shape(self, x: np.ndarray) -> list[int]: ...
        def resize(self, x: np.ndarray) -> list[int]: ...
        """,
        head="import numpy as np",
        infer="def infer(self, x: np.ndarray) -> str: ...",
    )
    assert paths(loaded) == {"infer": "/infer", "shape": "/shape"}
    assert "resize() (service.py" in loaded.contract.warnings[0]


@pytest.mark.parametrize(
    ("body", "text", "line"),
    [
        ("=def infer(self, prompt) -> str: ...", "infer() requires type annotations for args", 4),
        ("=def infer(self) -> str: ...", "infer() requires at least one argument", 4),
        ("=def infer(self, **kwargs) -> str: ...", "infer() requires at least one argument", 4),
        ("@path('/x')\ndef extra(self, y): ...", "extra() requires type annotations for args", 5),
        ("@path('/a b')\ndef extra(self, y: str): ...", "@path('/a b') of extra() is not a URL path", 5),
        ("@path('/{id}')\ndef extra(self, y: str): ...", "@path('/{id}') of extra() is not a URL path", 5),
        (
            "def infer_form_data(self, file: str) -> str: ...",
            "infer_form_data() must be decorated with @path() when using form-data inference.",
            5,
        ),
        (
            "@path('/infer')\ndef infer_form_data(self, file: str) -> str: ...",
            "Cannot use /infer for form-data inference.",
            5,
        ),
        (
            "@path('/f')\ndef infer_form_data(self) -> str: ...",
            "infer_form_data() must have at least one parameter.",
            5,
        ),
        (
            "@path('/f')\ndef infer_form_data(self, n: int) -> str: ...",
            "Only File and str params are supported for form data.",
            5,
        ),
        (
            "=def helper(self, x: str) -> str: ...",
            "Can't instantiate abstract class Model with abstract method infer",
            3,
        ),
    ],
)
def test_a_method_that_must_be_served_and_cannot_be_is_an_error_with_its_place(folder, body, text, line):
    folder.write_service(**({"infer": body[1:]} if body.startswith("=") else {"body": body}))
    with pytest.raises(ProjectError) as raised:
        folder.load()
    assert raised.value.message == text
    assert (raised.value.file, raised.value.line) == ("service.py", line)
    assert raised.value.hint


def test_a_type_without_a_json_form_is_named_with_the_way_out(folder):
    folder.write_service(infer="def infer(self, pixels: range) -> str: ...")
    with pytest.raises(
        ProjectError, match="argument 'pixels' of infer.. is of type range, which cannot be read from JSON"
    ) as e:
        folder.load()
    assert "pydantic model" in str(e.value.hint)


def test_path_on_infer_has_no_effect_and_that_is_said(folder):
    loaded = folder.service(infer='@path("/elsewhere")\n' + INFER)
    assert paths(loaded) == {"infer": "/infer"}
    assert "infer() is served at /infer" in loaded.contract.warnings[0]


def test_a_path_without_a_slash_gets_one(folder):
    loaded = folder.service('@path("noslash")\ndef extra(self, x: str) -> str: return x')
    assert paths(loaded)["extra"] == "/noslash"
    assert "/noslash" in loaded.contract.warnings[0]


def test_the_first_of_two_methods_at_one_path_keeps_it(folder):
    loaded = folder.service(
        """
        @path("/x")
        def a(self, x: str) -> str: return "a"
        @path("/x")
        def b(self, x: str) -> str: return "b"
        @path("/infer")
        def c(self, x: str) -> str: return "c"
        """
    )
    assert paths(loaded) == {"infer": "/infer", "a": "/x"}
    assert [warning.partition("(")[0] for warning in loaded.contract.warnings] == ["b", "c"]


def test_methods_of_a_library_class_are_served_all_or_none(folder, tmp_path_factory, monkeypatch):
    library = tmp_path_factory.mktemp("library")
    (library / "zz_typed.py").write_text("class Typed:\n    def shout(self, x: str) -> str: return x.upper()\n")
    (library / "zz_loose.py").write_text(
        "class Loose:\n    def train(self, mode: bool) -> bool: return mode\n    def cuda(self): return self\n"
    )
    monkeypatch.syspath_prepend(str(library))
    folder.write(
        "service.py",
        """
        from zz_typed import Typed
        from zz_loose import Loose
        from hotplate import Service

        class Model(Service, Typed, Loose):
            def infer(self, prompt: str) -> str: return prompt
        """,
    )
    loaded = folder.load()
    assert paths(loaded) == {"infer": "/infer", "shout": "/shout"}
    assert "zz_loose.Loose are not served: cuda() requires" in loaded.contract.warnings[0]


def test_form_data_takes_files_and_text_all_required(folder):
    loaded = folder.service(
        """
        @path("/infer-form-data")
        def infer_form_data(self, file: File, metadata: str = "none") -> dict[str, object]: return {}
        """,
        head="class File: ...\nFile.__module__ = 'octoai.types'",
    )
    form = loaded.calls[1].route
    assert (form.path, form.body) == ("/infer-form-data", "form")
    assert [(param.name, param.type.kind, param.required) for param in form.params] == [
        ("file", "file", True),
        ("metadata", "json", True),
    ]
    assert "metadata" in loaded.contract.warnings[0]


def test_exceptions_of_the_constructor_show_their_place(folder):
    folder.write_service(infer="def __init__(self):\n    self.x = 1 / 0\n" + INFER)
    with pytest.raises(ProjectError, match=r"Model\(\) could not be made: ZeroDivisionError") as raised:
        folder.load()
    assert (raised.value.file, raised.value.line) == ("service.py", 5)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
