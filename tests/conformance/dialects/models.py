"""The same models, written in each dialect. A new dialect adds a writer and passes the suite."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import NamedTuple

IMPORTS = """from typing import Any, Iterator, AsyncIterator, Literal, Optional
from hotplate import Service, batch, path
"""


class Model(NamedTuple):
    """One function, its marks, and what it answers. `route` is the path of its default name `infer`."""

    parameters: str
    returns: str
    body: str
    given: tuple[object, ...]
    answer: object
    marks: str = ""
    word: str = "def"


class Written(NamedTuple):
    """A project. With `output` it answers a dict that has the model's answer under this name."""

    files: Mapping[str, str]
    targets: tuple[str, ...] = ()
    output: str = ""


MODELS: Mapping[str, Model] = {
    "echo": Model("prompt: str", "str", "return prompt", ("hi",), "hi"),
    "defaults": Model(
        "prompt: str, times: int = 2, tag: Optional[str] = None, mode: Literal['a', 'b'] = 'a'",
        "dict[str, Any]",
        "return {'text': prompt * times, 'tag': tag, 'mode': mode}",
        ("ab", 2, None, "b"),
        {"text": "abab", "tag": None, "mode": "b"},
    ),
    "keyword only": Model("a: int, *, b: float = 0.5", "float", "return a + b", (1, 0.25), 1.25),
    "nested": Model("boxes: list[dict[str, list[int]]]", "int | None", "return len(boxes) or None", ([{}],), 1),
    "coroutine": Model("prompt: str", "str", "return prompt", ("hi",), "hi", word="async def"),
    "stream": Model("n: int", "Iterator[int]", "yield from range(n)", (3,), [0, 1, 2]),
    "asynchronous stream": Model(
        "n: int", "AsyncIterator[int]", "for i in range(n):\n    yield i", (2,), [0, 1], word="async def"
    ),
    "batch": Model(
        "n: list[int]", "list[int]", "return [2 * each for each in n]", ([1, 2],), [2, 4], "@batch(max_size=4)\n"
    ),
    "no return hint": Model("prompt: str", "", "return prompt", ("hi",), "hi"),
}


def function_text(model: Model, receiver: str = "") -> str:
    returns = f" -> {model.returns}" if model.returns else ""
    head = f"{model.marks}{model.word} infer({receiver}{model.parameters}){returns}:\n"
    return head + indent(f'"""Answer.\n\nIn full."""\n{model.body}\n', "    ")


def as_service(model: Model) -> Written:
    text = IMPORTS + "\nclass Model(Service):\n" + indent(function_text(model, "self, "), "    ")
    return Written({"service.py": text})


def as_function(model: Model) -> Written:
    return Written({"model.py": IMPORTS + "\n" + function_text(model)}, ("model.py:infer",))


def as_input_schema(model: Model) -> Written:
    text = f"""class InferlessPythonModel:
    {model.word} infer(self, inputs):
        \"\"\"Answer.

        In full.\"\"\"
        {model.body.replace("return prompt", 'return {"text": inputs["prompt"]}')}
"""
    schema = 'INPUT_SCHEMA = {"prompt": {"datatype": "STRING", "required": True, "shape": [1], "example": ["hi"]}}\n'
    return Written({"app.py": text, "input_schema.py": schema}, output="text")


def as_routes(model: Model) -> Written:
    """Its keyword arguments are given by name, in a body whose types are those of the hints without their items."""
    arguments = ast.parse(f"def f({model.parameters}): ...").body[0].args
    defaults = dict(zip([each.arg for each in arguments.args[::-1]], arguments.defaults[::-1], strict=False))
    defaults |= {each.arg: value for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
    body = []
    for each in (*arguments.args, *arguments.kwonlyargs):
        hint = ast.unparse(each.annotation)
        kind = hint.removeprefix("list[").removesuffix("]") if model.marks else hint.partition("[")[0]
        optional = {"optional": True, "default_value": ast.unparse(defaults[each.arg])} if each.arg in defaults else {}
        body.append({"name": each.arg, "type": kind, **optional})
    route = {"path": "/infer", "verb": "POST", "file": "model", "function": "infer", "body": body}
    return Written({"model.py": IMPORTS + "\n" + function_text(model)}, (json.dumps(route),))


WRITERS: Mapping[str, Callable[[Model], Written]] = {
    "service": as_service,
    "function": as_function,
    "input_schema": as_input_schema,
    "routes": as_routes,
}

WRITABLE: Mapping[str, frozenset[str]] = {
    "input_schema": frozenset(("echo", "coroutine")),
    "routes": frozenset(("echo", "keyword only", "nested", "coroutine", "batch", "no return hint")),
}
"""The models that a dialect with other words for its types can be written in; for every other dialect all of them."""
