"""Inputs declared as classes in app.py: `@inferless.request`, `@inferless.response` and `@inferless.config`.

As inferless-cli 2.0.22 does, a class counts by its decorator's attribute. Only the text is read here; the request
class itself makes the values when a call comes.
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from hotplate.dialects.base import MISSING
from hotplate.dialects.input_schema_fields import Field
from hotplate.dialects.input_schema_literals import CannotRead, evaluate
from hotplate.dialects.syntax import Module, dotted_name
from hotplate.errors import ProjectError

_DATATYPES = {"str": "BYTES", "int": "INT64", "float": "FP64", "bool": "BOOL"}


class Classes(NamedTuple):
    """What the decorated classes say."""

    fields: tuple[Field, ...]
    outputs: tuple[Field, ...]
    request_class: str
    line: int
    batch_size: int
    batch_window_ms: float
    stream: bool


def read(app: Module) -> Classes | None:
    """Read the classes, or None where app.py has not both a request and a response."""
    marked = {mark: node for node in app.nodes.values() if isinstance(node, ast.ClassDef) for mark in _marks(app, node)}
    request, response = marked.get("request"), marked.get("response")
    if request is None or response is None:
        return None
    config = _config(marked["config"]) if "config" in marked else {}
    return Classes(
        fields=_fields(request, app.file),
        outputs=tuple(field._replace(required=True) for field in _fields(response, app.file)),
        request_class=request.name,
        line=request.lineno,
        batch_size=int(config.get("batch_size") or 0) if config.get("is_batched_input") else 0,
        batch_window_ms=float(config.get("batch_window") or 0) / 1000,
        stream=bool(config.get("is_streaming_output")),
    )


def _marks(app: Module, node: ast.ClassDef) -> list[str]:
    """`request` for `@inferless.request`, for `@inferless.request()`, and for `@request` imported from there."""
    found: list[str] = []
    for decorator in node.decorator_list:
        name = dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator) or ""
        head, _, rest = name.partition(".")
        module, _, mark = (app.imports.get(head, head) + (f".{rest}" if rest else "")).rpartition(".")
        if module == "inferless":
            found.append(mark)
    return found


def _fields(node: ast.ClassDef, file: str) -> tuple[Field, ...]:
    return tuple(
        _field(statement.target.id, statement, file)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not statement.target.id.startswith("_")
        and "ClassVar" not in ast.unparse(statement.annotation)
    )


def _field(name: str, statement: ast.AnnAssign, file: str) -> Field:
    annotation = statement.annotation
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    inner, optional = _without_none(annotation)
    shape = (1,)
    if isinstance(inner, ast.Subscript) and (dotted_name(inner.value) or "").rpartition(".")[2] in ("List", "list"):
        inner, shape = inner.slice, (-1,)
    kind = (dotted_name(inner) or ast.unparse(inner)).rpartition(".")[2]
    if kind not in _DATATYPES:
        text = f"Data type - {kind} - not supported for input --> {name}"
        hint = "use str, int, float, bool or a List of one of them; send anything else as JSON text in a str"
        raise ProjectError(text, file=file, line=statement.lineno, hint=hint)
    default = _default(statement.value)
    required = not optional and default is MISSING
    return Field(name, _DATATYPES[kind], shape, required, default=default, typed=True)


def _without_none(annotation: ast.expr) -> tuple[ast.expr, bool]:
    """Give what `Optional[X]` and `X | None` hold, and whether it was one of them."""
    if isinstance(annotation, ast.Subscript) and (dotted_name(annotation.value) or "").endswith("Optional"):
        return annotation.slice, True
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [annotation.left, annotation.right]
        rest = [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]
        if len(rest) == 1:
            return rest[0], True
    return annotation, False


def _default(value: ast.expr | None) -> Any:
    """The default as far as the text tells it; None where it cannot be read but there is one."""
    if isinstance(value, ast.Call) and (dotted_name(value.func) or "").endswith("Field"):
        named = {keyword.arg: keyword.value for keyword in value.keywords}
        value = named.get("default") or (value.args[0] if value.args else None)
        if value is None:
            return None if "default_factory" in named else MISSING
    if value is None:
        return MISSING
    try:
        found = evaluate(value, {})
    except CannotRead:
        return None
    return MISSING if found is ... else found


def _config(node: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            default = _default(statement.value)
            found[statement.target.id] = None if default is MISSING else default
    return found
