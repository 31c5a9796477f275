"""The heads of methods: streams, coroutines, batches, defaults, and hints as text."""

from __future__ import annotations

import inspect

import pytest

from hotplate.contract import Batching
from hotplate.dialects.base import MISSING
from hotplate.errors import ProjectError


def call(folder, body, head=""):
    loaded = folder.service(infer=body, head=head)
    assert folder.describe().routes[0].stream == loaded.calls[0].route.stream
    assert folder.describe().routes[0].asynchronous == loaded.calls[0].route.asynchronous
    assert folder.describe().routes[0].batching == loaded.calls[0].route.batching
    return loaded.calls[0]


HEAD = """
from typing import *
from functools import wraps
def logged(function):
    @wraps(function)
    def inner(*args, **kwargs): return function(*args, **kwargs)
    return inner
"""


@pytest.mark.parametrize(
    ("body", "stream", "asynchronous", "returns"),
    [
        ("def infer(self, x: str) -> str: return x", False, False, str),
        ("async def infer(self, x: str) -> str: return x", False, True, str),
        ("def infer(self, x: str) -> Iterator[str]: yield x", True, False, str),
        ("def infer(self, x: str) -> Generator[int, None, None]: yield 1", True, False, int),
        ("def infer(self, x: str) -> Iterable[str]: yield x", True, False, str),
        ("def infer(self, x: str): yield x", True, False, "Any"),
        ("def infer(self, x: str) -> Iterator[str]: return iter(x)", True, False, str),
        ("def infer(self, x: str) -> list[str]: return [y for y in (lambda: (yield x))()]", False, False, list[str]),
        ("async def infer(self, x: str) -> AsyncIterator[str]: yield x", True, True, str),
        ("async def infer(self, x: str): yield x", True, True, "Any"),
        ("def infer(self, x: str) -> AsyncIterator[str]: return agen(x)", True, True, str),
        ("@logged\nasync def infer(self, x: str) -> str: return x", False, True, str),
        ("@logged\ndef infer(self, x: str) -> Iterator[str]: yield x", True, False, str),
        ('@path("/infer")\nasync def infer(self, x: str) -> str: return x', False, True, str),
    ],
)
def test_streams_and_coroutines_are_recognised(folder, body, stream, asynchronous, returns):
    found = call(folder, body, HEAD)
    assert (found.route.stream, found.route.asynchronous) == (stream, asynchronous)
    assert str(found.returns).removeprefix("typing.") == returns if returns == "Any" else found.returns == returns


def test_a_generator_must_not_say_that_it_returns_one_piece(folder):
    folder.write_service(infer="def infer(self, x: str) -> str: yield x")
    with pytest.raises(ProjectError, match="yields its answer but says that it returns str") as raised:
        folder.load()
    assert "Iterator[str]" in str(raised.value.hint)


def test_hints_as_text_are_resolved_also_inside_the_class(folder):
    folder.write(
        "service.py",
        """
        from __future__ import annotations
        from hotplate import Service
        from pydantic import BaseModel

        class Model(Service):
            class Nested(BaseModel):
                x: int
            def infer(self, first: Nested, second: int | None = None) -> list[Nested]: return [first]
        """,
    )
    found = folder.load().calls[0]
    assert found.parameters[0].annotation.__name__ == "Nested"
    assert found.parameters[1].default is None
    assert [param.type.annotation for param in found.route.params] == ["Nested", "int | None"]


def test_a_hint_that_nothing_resolves_is_named(folder):
    folder.write_service(infer='def infer(self, x: "Nowhere") -> str: return x')
    with pytest.raises(ProjectError, match="names 'Nowhere', which does not exist") as raised:
        folder.load()
    assert (raised.value.file, raised.value.line) == ("service.py", 4)
    assert "TYPE_CHECKING" in str(raised.value.hint)


def test_keyword_only_parameters_are_given_by_name(folder):
    found = call(folder, "def infer(self, a: str, *, b: int, c: int = 3) -> list: return [a, b, c]")
    assert [parameter.name for parameter in found.parameters] == ["a", "b", "c"]
    assert found.function("x", 1, 2) == ["x", 1, 2]


def test_a_pydantic_field_as_a_default_constrains_and_gives_the_default(folder):
    found = call(
        folder,
        'def infer(self, w: int = Field(512, gt=0, description="Pixels"), h: int = Field(gt=0)) -> int: return w',
        "from pydantic import Field",
    )
    width, height = found.route.params
    assert (width.default, width.required, width.description) == (512, False, "Pixels")
    assert width.type.schema["exclusiveMinimum"] == 0
    assert found.parameters[0].default == 512
    assert height.required
    assert found.parameters[1].default is MISSING


BATCH = "@batch(max_size=8, max_wait_ms=5)\n"


def test_a_batched_method_shows_one_item_and_takes_lists(folder):
    found = call(
        folder, BATCH + "def infer(self, x: list[str], n: list[int] = [2]) -> list[float]: return [1.0] * len(x)"
    )
    assert found.route.batching == Batching(max_size=8, max_wait_ms=5.0)
    assert [(p.name, p.annotation, p.default) for p in found.parameters] == [("x", str, MISSING), ("n", int, 2)]
    assert [param.type.annotation for param in found.route.params] == ["str", "int"]
    assert found.returns is float
    assert found.function(["a", "b"], [1, 2]) == [1.0, 1.0]


@pytest.mark.parametrize("mark", ["@batch", "@batch()"])
def test_a_batch_needs_no_settings(folder, mark):
    found = call(folder, f"{mark}\nasync def infer(self, x: list[str]): return x")
    assert found.route.batching == Batching()
    assert found.route.asynchronous


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def infer(self, x: str) -> list[str]: return x", "'x' must be annotated as list.T., not str"),
        ("def infer(self, x: list[str]) -> str: return x", "'return' must be annotated as list.T., not str"),
        ("def infer(self, x: list[str]) -> Iterator[str]: yield x", "a stream cannot be batched"),
        ("def infer(self, x: list[str] = []) -> list[str]: return x", "must be a list of one value"),
    ],
)
def test_a_batched_method_that_takes_no_lists_is_an_error(folder, body, message):
    folder.write_service(infer=BATCH + body, head=HEAD)
    with pytest.raises(ProjectError, match=message):
        folder.load()


def test_docstrings_become_summary_and_description(folder):
    found = call(folder, 'def infer(self, x: str) -> str:\n    """Say it.\n\n    Twice.\n    """\n    return x')
    assert (found.route.summary, found.route.description) == ("Say it.", "Twice.")
    assert folder.describe().routes[0].description == "Twice."
    assert inspect.getdoc(found.function).startswith("Say it.")
