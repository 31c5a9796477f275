"""Values out of source text that is never run: literals, and expressions of literals such as `"word " * 3`.

What cannot be read so stays unread until somebody asks for it; then the error names the line.
"""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MAX_ITEMS = 1_000_000
"""The longest string, list or range that an expression may make."""
MAX_BITS = 4096
"""The largest integer."""

_OPERATORS: Any = operator  # its functions have no types that a checker could follow
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _OPERATORS.add,
    ast.Sub: _OPERATORS.sub,
    ast.Mult: _OPERATORS.mul,
    ast.Div: _OPERATORS.truediv,
    ast.FloorDiv: _OPERATORS.floordiv,
    ast.Mod: _OPERATORS.mod,
    ast.Pow: _OPERATORS.pow,
    ast.LShift: _OPERATORS.lshift,
    ast.BitOr: _OPERATORS.or_,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_CALLS: Mapping[str, Callable[..., Any]] = {
    **{each.__name__: each for each in (bool, dict, float, int, len, list, max, min, range, sorted, str, sum, tuple)},
    "json.dumps": json.dumps,
}
_METHODS = frozenset(("copy", "items", "keys", "lower", "split", "strip", "title", "upper", "values"))
"""Methods whose result is no larger than what they are called on."""
_NAMES: Mapping[str, Any] = {"True": True, "False": False, "None": None}


class Unread(NamedTuple):
    """A name that is bound to something which would have to be run. `line` is where."""

    line: int
    text: str


class CannotRead(Exception):
    """An expression is more than literals."""

    def __init__(self, node: ast.AST, text: str) -> None:
        super().__init__(text)
        self.line: int = getattr(node, "lineno", 0)
        self.text = text


def read(tree: ast.Module) -> dict[str, Any]:
    """Give the names that a module's top level binds, each with its value or an `Unread`. Nothing is run."""
    names: dict[str, Any] = {}
    for statement in tree.body:
        try:
            _statement(statement, names)
        except CannotRead as error:
            for name in _bound(statement):
                names[name] = Unread(error.line, error.text)
    return names


def evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Give the value of an expression. Raises CannotRead."""
    try:
        value = _value(node, names)
    except CannotRead:
        raise
    except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise CannotRead(node, f"{type(error).__name__}: {error}") from error
    return value


def _statement(statement: ast.stmt, names: dict[str, Any]) -> None:
    match statement:
        case ast.Assign(targets=targets, value=value):
            found = evaluate(value, names)
            for target in targets:
                _assign(target, found, names)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            _assign(target, evaluate(value, names), names)
        case ast.AugAssign(target=ast.Name(id=name), op=op, value=value) if type(op) in _BINARY:
            found = evaluate(ast.BinOp(left=ast.Name(id=name, lineno=statement.lineno), op=op, right=value), names)
            names[name] = found
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.AnnAssign() | ast.Expr(value=ast.Constant()):
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return
        case _:
            raise CannotRead(statement, f"a {type(statement).__name__.lower()} statement would have to be run")


def _assign(target: ast.expr, value: Any, names: dict[str, Any]) -> None:
    if isinstance(target, ast.Name):
        names[target.id] = value
    elif isinstance(target, ast.Subscript):
        container, key = evaluate(target.value, names), evaluate(target.slice, names)
        if not isinstance(container, dict | list):
            raise CannotRead(target, "only a dict or a list has items to set")
        try:
            container[key] = value
        except (TypeError, LookupError) as error:
            raise CannotRead(target, str(error)) from error
    else:
        raise CannotRead(target, "this kind of assignment would have to be run")


def _bound(statement: ast.stmt) -> set[str]:
    """Every name that a statement may change."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return _name(node, name, names)
        case ast.List(elts=elements):
            return _elements(elements, names)
        case ast.Tuple(elts=elements):
            return tuple(_elements(elements, names))
        case ast.Set(elts=elements):
            return set(_elements(elements, names))
        case ast.Dict(keys=keys, values=values):
            return _dict(keys, values, names)
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, names))
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(node, op, _value(left, names), _value(right, names))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _value(test, names) else orelse, names)
        case ast.Subscript(value=container, slice=key):
            return _value(container, names)[_value(key, names)]
        case ast.JoinedStr(values=parts):
            return "".join(
                str(_value(part.value if isinstance(part, ast.FormattedValue) else part, names)) for part in parts
            )
        case ast.Call(func=function, args=arguments, keywords=keywords):
            return _call(node, function, arguments, keywords, names)
        case ast.ListComp(elt=element, generators=[ast.comprehension(target=ast.Name(id=name), iter=each, ifs=[])]):
            return [_value(element, {**names, name: item}) for item in _sized(node, _value(each, names))]
        case _:
            raise CannotRead(node, f"{ast.unparse(node)[:80]!r} would have to be run")


def _name(node: ast.expr, name: str, names: Mapping[str, Any]) -> Any:
    if name in names:
        value = names[name]
        if isinstance(value, Unread):
            raise CannotRead(node, value.text)
        return value
    if name in _NAMES:
        return _NAMES[name]
    raise CannotRead(node, f"{name} is not a literal of this file")


def _elements(elements: list[ast.expr], names: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for element in elements:
        if isinstance(element, ast.Starred):
            found += _sized(element, _value(element.value, names))
        else:
            found.append(_value(element, names))
    return found


def _dict(keys: list[ast.expr | None], values: list[ast.expr], names: Mapping[str, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in zip(keys, values, strict=True):
        if key is None:
            found |= _value(value, names)
        else:
            found[_value(key, names)] = _value(value, names)
    return found


def _binary(node: ast.expr, op: ast.operator, left: Any, right: Any) -> Any:
    """Apply an operator whose result cannot grow past the limits."""
    if isinstance(op, ast.Mult):
        for many, times in ((left, right), (right, left)):
            if isinstance(times, int) and _length(many) * times > MAX_ITEMS:
                raise CannotRead(node, f"it makes more than {MAX_ITEMS} items")
    if isinstance(op, ast.Add) and _length(left) + _length(right) > MAX_ITEMS:
        raise CannotRead(node, f"it makes more than {MAX_ITEMS} items")
    if isinstance(op, ast.Pow | ast.LShift) and (abs(left) > 1 << 64 or not 0 <= right <= MAX_BITS // 64):
        raise CannotRead(node, "the number is too large")
    if isinstance(op, ast.Mod) and isinstance(left, str | bytes):
        raise CannotRead(node, "the text is made with %")
    if type(op) not in _BINARY:
        raise CannotRead(node, f"{ast.unparse(node)[:80]!r} would have to be run")
    value = _BINARY[type(op)](left, right)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise CannotRead(node, "the number is too large")
    return value


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 0


def _call(
    node: ast.expr,
    function: ast.expr,
    arguments: list[ast.expr],
    keywords: list[ast.keyword],
    names: Mapping[str, Any],
) -> Any:
    text = ast.unparse(function)
    given = _elements(arguments, names)
    named = {keyword.arg: _value(keyword.value, names) for keyword in keywords if keyword.arg is not None}
    if text in _CALLS and len(named) == len(keywords):
        made = _CALLS[text](*given, **named)
        return _sized(node, made) if isinstance(made, range) else made
    if isinstance(function, ast.Attribute) and function.attr in _METHODS and not keywords:
        return getattr(_value(function.value, names), function.attr)(*given)
    raise CannotRead(node, f"{text}() would have to be run")


def _sized(node: ast.expr, value: Any) -> Any:
    if isinstance(value, range) and len(value) > MAX_ITEMS:
        raise CannotRead(node, f"it makes more than {MAX_ITEMS} items")
    return list(value)
