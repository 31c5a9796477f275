"""One call of a route to its whole answer, outside the engines: for faces that run several, and for `invoke --local`.

A batched function gets the one item alone; the pieces of a stream are gathered into a list.
"""

from __future__ import annotations

from typing import Any

from hotplate.dialects.base import Call


def run(call: Call, values: tuple[Any, ...]) -> Any:
    """Call a route that is a plain function. Raises what it raises."""
    return _settled(call, call.function(*_given(call, values)))


async def run_async(call: Call, values: tuple[Any, ...]) -> Any:
    """Call any route. A plain function runs in a thread, so that the loop goes on."""
    if not call.route.asynchronous:
        from asyncio import to_thread  # here alone: projects without `async def` do not pay for it

        return await to_thread(run, call, values)
    result = call.function(*_given(call, values))
    if hasattr(result, "__await__"):
        result = await result
    if hasattr(result, "__aiter__"):
        return [piece async for piece in result]
    return _settled(call, result)


def _given(call: Call, values: tuple[Any, ...]) -> tuple[Any, ...]:
    return values if call.route.batching is None else tuple([value] for value in values)


def _settled(call: Call, result: Any) -> Any:
    if call.route.batching is None:
        return list(result) if call.route.stream else result
    found: list[Any] = list(result)
    if len(found) != 1:
        raise ValueError(f"{call.route.name}() got 1 item and returned {len(found)}")
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]
