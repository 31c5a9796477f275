"""Calls of authors' functions whose arguments go by name, at the cost of a call by place where that is the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any


def by_name(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Give what calls `function(**{name: value})` with the values of these names, in their order."""
    if _stand_first(function, names):
        return function

    def call(*values: Any) -> Any:
        return function(**dict(zip(names, values, strict=True)))

    return call


def _stand_first(function: Any, names: Sequence[str]) -> bool:
    """Whether these are a function's first arguments by place, so that both ways of calling it are one."""
    plain: Any = function.__func__ if type(function) is MethodType else function
    if type(plain) is not FunctionType:
        return False
    code = plain.__code__
    first = 1 if plain is not function else 0
    taken = code.co_varnames[max(first, code.co_posonlyargcount) : code.co_argcount]
    return code.co_posonlyargcount <= first and taken[: len(names)] == tuple(names)
