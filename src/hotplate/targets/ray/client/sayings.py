"""What an actor needs of a node, and what Ray says, in words for people. Needs the standard library alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

DIED = "its actor's process died"
"""What is said of an actor that ended by its own doing."""


class Refused(Exception):
    """The user has to change something."""


class Unavailable(Exception):
    """It may be different in a while."""


def wanted_of(options: dict[str, Any]) -> dict[str, float]:
    """What an actor needs of a node, by Ray's names."""
    wanted: dict[str, float] = {
        "CPU": options.get("num_cpus", 0),
        "GPU": options.get("num_gpus", 0),
        "memory": options.get("memory", 0),
    }
    if options.get("accelerator_type"):
        wanted[f"accelerator_type:{options['accelerator_type']}"] = 0.001
    wanted.update(options.get("resources") or {})
    return {name: amount for name, amount in wanted.items() if amount}


def shown(name: str, amount: float) -> str:
    """An amount of a resource for people."""
    if name == "memory":
        return f"{amount / (1 << 30):.3g} GiB of memory"
    if name.startswith("accelerator_type:"):
        return f"{'an' if amount else 'no'} accelerator {name.partition(':')[2]}"
    unit = {"CPU": "CPU", "GPU": "GPU"}.get(name)
    return f"{amount:g} {unit}{'s' * (amount != 1)}" if unit else f"{amount:g} of {name}"


def last_line(error: BaseException) -> str:
    """What an error of Ray's says last: the rest are its own frames."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][-500:] if lines else type(error).__name__


def reason_of(error: BaseException) -> str:
    """Why an actor is gone, in few words."""
    text = str(error)
    if getattr(error, "preempted", False):
        return "its node was preempted"
    if "node" in text and "died" in text and "its node" in text:
        return "its node is gone"
    if "ray.kill" in text:
        return "it was killed with ray.kill()"
    if "worker process has died" in text or "worker died" in text.lower():
        return DIED
    return last_line(error)


def is_own(error: BaseException) -> bool:
    """Whether an actor is gone by its own doing: not with its node, and not ended by somebody."""
    return reason_of(error) == DIED


def quietly(what: Callable[..., object], *words: Any) -> None:
    """Do something that may not work any more."""
    with contextlib.suppress(Exception):  # the actor or the cluster has gone
        what(*words)
