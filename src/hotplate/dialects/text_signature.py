"""Signatures from source text. Annotations are rebuilt as the objects that an import would give, as far as the text
tells; what it does not tell stays a `typing.ForwardRef`, and a default that it does not tell is `UNKNOWN`.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import typing
from collections.abc import Sequence
from typing import Any

from hotplate.contract import Batching, Source
from hotplate.dialects.base import MISSING
from hotplate.dialects.signature import UNKNOWN, Argument, Signature, is_async_iterator, is_iterator
from hotplate.dialects.syntax import Class, Function, Module, Sources, first_line

_MEDIA = ("Image", "Audio", "Video", "File", "Media")
_MEDIA_HOMES = ("hotplate", "hotplate.media", "octoai.types")
_MARK_HOMES = ("hotplate", "hotplate.authoring", "octoai.service")
_TYPING_HOMES = ("typing", "typing_extensions", "collections.abc")
_PLAIN = (str, int, float, bool, list, dict)

_stand_ins: dict[str, type] = {name: type(name, (), {"__module__": "hotplate.media"}) for name in _MEDIA}


def read_text(sources: Sources, module: Module, node: Function, *, bound: bool, name: str = "") -> Signature:
    """Read the head of a function.

    Args:
        sources: the project's modules, in which names are looked up.
        module: where the function is written.
        node: its syntax tree.
        bound: whether its first parameter is `self` or `cls`.
        name: what it is called in the project, where that differs.
    """
    returns = MISSING if node.returns is None else evaluate(sources, module, node.returns)
    arguments = _arguments(sources, module, node.args)
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own_nodes(node.body))
    return Signature(
        name=name or node.name,
        source=Source(file=module.file, line=first_line(node)),
        arguments=tuple(arguments[1:] if bound else arguments),
        returns=returns,
        returns_text="" if node.returns is None else _unparse(node.returns),
        generator=yields or is_iterator(returns),
        asynchronous=isinstance(node, ast.AsyncFunctionDef) or is_async_iterator(returns),
        variadic=node.args.vararg is not None or node.args.kwarg is not None,
        path=path_of(sources, module, node),
        batching=_batching(sources, module, node),
        doc=inspect.cleandoc(ast.get_docstring(node) or ""),
    )


def path_of(sources: Sources, module: Module, node: Function) -> str | None:
    """Give the argument of `@path`, or None where the function has none that the text tells."""
    call = _mark(sources, module, node, "path")
    if isinstance(call, ast.Call):
        given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "path")]
        if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
            return given[0].value
    return None


def decorators(sources: Sources, module: Module, node: Function) -> set[str]:
    """Give the names of a function's decorators: dotted for imported ones, plain for built-in ones."""
    names: set[str] = set()
    for decorator in node.decorator_list:
        expression = decorator.func if isinstance(decorator, ast.Call) else decorator
        found = sources.resolve(module, expression)
        if isinstance(found, str):
            names.add(found)
        elif isinstance(expression, ast.Name) and expression.id not in module.nodes:
            names.add(expression.id)
        elif isinstance(expression, ast.Attribute):
            names.add("." + expression.attr)  # `@size.setter`
    return names


def evaluate(sources: Sources, module: Module, expression: ast.expr) -> Any:
    """Rebuild an annotation."""
    unread = typing.ForwardRef(_unparse(expression)) if _unparse(expression).isprintable() else Any
    if isinstance(expression, ast.Constant):
        if isinstance(expression.value, str):
            try:
                return evaluate(sources, module, ast.parse(expression.value.strip(), mode="eval").body)
            except SyntaxError:
                return Any
        return type(None) if expression.value is None else unread
    found = MISSING
    if isinstance(expression, ast.Name | ast.Attribute):
        found = _named(sources, module, expression)
    elif isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.BitOr):
        sides = (expression.left, expression.right)
        found = typing.Union[tuple(evaluate(sources, module, side) for side in sides)]  # noqa: UP007
    elif isinstance(expression, ast.Subscript):
        found = _subscript(sources, module, expression)
    return unread if found is MISSING else found


def _subscript(sources: Sources, module: Module, expression: ast.Subscript) -> Any:
    base = evaluate(sources, module, expression.value)
    written = expression.slice.elts if isinstance(expression.slice, ast.Tuple) else [expression.slice]
    try:
        if base is typing.Literal:
            return typing.Literal[tuple(ast.literal_eval(each) for each in written)]
        items = [evaluate(sources, module, each) for each in written]
        if base is typing.Annotated:
            return items[0]
        if base in (typing.Optional, typing.Union):
            return base[items[0] if base is typing.Optional else tuple(items)]
        return base[tuple(items)] if len(items) > 1 else base[items[0]]
    except (TypeError, ValueError):
        return MISSING


def _named(sources: Sources, module: Module, expression: ast.Name | ast.Attribute) -> Any:
    found = sources.resolve(module, expression)
    if isinstance(found, Class):
        return MISSING
    if found is None:
        if not isinstance(expression, ast.Name) or expression.id in module.nodes:
            return MISSING
        value = getattr(builtins, expression.id, MISSING)
        return value if value in _PLAIN else MISSING
    home, _, name = found.rpartition(".")
    if home in _TYPING_HOMES:
        return getattr(typing, name, MISSING)
    if home in _MEDIA_HOMES and name in _stand_ins:
        return _stand_ins[name]
    return MISSING


def _arguments(sources: Sources, module: Module, written: ast.arguments) -> list[Argument]:
    positional = [*written.posonlyargs, *written.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(written.defaults)) + list(written.defaults)
    found = [_argument_of(sources, module, arg, default) for arg, default in zip(positional, defaults, strict=True)]
    for arg, default in zip(written.kwonlyargs, written.kw_defaults, strict=True):
        found.append(_argument_of(sources, module, arg, default, keyword_only=True))
    return found


def _argument_of(
    sources: Sources, module: Module, arg: ast.arg, default: ast.expr | None, keyword_only: bool = False
) -> Argument:
    return Argument(
        name=arg.arg,
        annotation=MISSING if arg.annotation is None else evaluate(sources, module, arg.annotation),
        default=MISSING if default is None else _constant(default),
        text="" if arg.annotation is None else _unparse(arg.annotation),
        keyword_only=keyword_only,
    )


def _constant(expression: ast.expr) -> Any:
    try:
        return ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _unparse(expression: ast.expr) -> str:
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return expression.value
    return ast.unparse(expression)


def _own_nodes(body: Sequence[ast.AST]) -> list[ast.AST]:
    """Give the nodes of a function's body, without those of the functions inside it."""
    found: list[ast.AST] = []
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _mark(sources: Sources, module: Module, node: Function, name: str) -> ast.expr | None:
    for decorator in node.decorator_list:
        expression = decorator.func if isinstance(decorator, ast.Call) else decorator
        if sources.resolve(module, expression) in {f"{home}.{name}" for home in _MARK_HOMES}:
            return decorator
    return None


def _batching(sources: Sources, module: Module, node: Function) -> Batching | None:
    mark = _mark(sources, module, node, "batch")
    if mark is None:
        return None
    given: dict[str, Any] = {}
    if isinstance(mark, ast.Call):
        given = dict(zip(("max_size", "max_wait_ms"), map(_constant, mark.args), strict=False))
        given |= {keyword.arg: _constant(keyword.value) for keyword in mark.keywords if keyword.arg}
    size, wait = given.get("max_size"), given.get("max_wait_ms")
    standard = Batching()
    return Batching(
        max_size=size if isinstance(size, int) else standard.max_size,
        max_wait_ms=float(wait) if isinstance(wait, int | float) else standard.max_wait_ms,
    )
