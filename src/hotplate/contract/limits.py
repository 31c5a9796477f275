"""How many calls a project's worker takes at the same time, and how that is decided."""

from __future__ import annotations

from hotplate.contract.types import Contract

DEFAULT_TASKS = 64
"""Slots of a project with `async def` routes, where neither the author nor the settings say."""


def slots_of(contract: Contract, setting: int | None) -> int:
    """The slots of one worker: the setting, else the author's word, else what fits the code.

    Plain `def` code gets one slot, since most models are not safe to call from two threads at once.
    """
    if setting is not None:
        return setting
    if contract.limits.slots is not None:
        return contract.limits.slots
    return DEFAULT_TASKS if any(route.asynchronous for route in contract.routes) else 1


def capacity_of(contract: Contract, setting: int | None) -> int:
    """The calls that may run at once in one worker, counting each item of a batch.

    Threads run a batch each. Beside an event loop each batched route runs one batch at a time, whatever the slots.
    """
    slots = slots_of(contract, setting)
    sizes = [route.batching.max_size for route in contract.routes if route.batching]
    if any(route.asynchronous for route in contract.routes):
        return slots + sum(sizes)
    return slots * max(sizes, default=1)
