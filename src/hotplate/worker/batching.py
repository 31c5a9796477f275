"""Calls put together: one call of the user's function with lists, one answer per item.

An item that cannot be decoded never joins. When the function raises for several items, each is tried alone, so that
the one that is at fault fails and its neighbours do not. The function may also put an exception in an item's place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Values = tuple[Any, ...]


class WrongLength(Exception):
    """A batched function must return a list with one result per item."""


def columns(items: Sequence[Values]) -> list[list[Any]]:
    """One list per parameter, from one tuple of values per item."""
    return [list(column) for column in zip(*items, strict=True)]


def run_batch(function: Callable[..., Any], items: Sequence[Values]) -> list[Any]:
    """Call a batched `def` function. Gives one result per item; a failed item's result is its exception."""
    try:
        return _checked(function(*columns(items)), len(items))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is the items' answer
        if len(items) == 1 or isinstance(error, WrongLength):
            return [error] * len(items)
    return [run_batch(function, [item])[0] for item in items]


async def run_batch_async(function: Callable[..., Awaitable[Any]], items: Sequence[Values]) -> list[Any]:
    """Call a batched `async def` function, in the same way."""
    try:
        return _checked(await function(*columns(items)), len(items))
    except BaseException as error:  # noqa: BLE001
        if len(items) == 1 or isinstance(error, WrongLength):
            return [error] * len(items)
    return [(await run_batch_async(function, [item]))[0] for item in items]


def _checked(results: Any, count: int) -> list[Any]:
    try:
        answers = list(results)
    except TypeError:
        raise WrongLength(
            f"A @batch function got {count} items and returned {type(results).__name__}; return a list of {count}."
        ) from None
    if len(answers) != count:
        raise WrongLength(f"A @batch function got {count} items and returned {len(answers)} results; return {count}.")
    return answers
