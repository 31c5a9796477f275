"""Recorded traces, and what a policy makes of them without an endpoint: to try settings before they are used."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hotplate.deployment.records import Scaling
from hotplate.errors import UserError
from hotplate.scaling.decision import Decision
from hotplate.scaling.history import History
from hotplate.scaling.policy import initial, step

FORMAT = 1
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
MAX_SAMPLES = 10_000_000


class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was seen of an endpoint. `samples` are (seconds, calls that run, calls that wait), in order of time.

    `concurrency` is the slots of one replica, for settings that name none; `size` is how many replicas there were at
    the beginning, None as many as the settings begin with.
    """

    format: Literal[1] = FORMAT
    settings: Scaling = Scaling()
    concurrency: Annotated[int, msgspec.Meta(ge=1)] = 1
    size: Count | None = None
    samples: Annotated[tuple[tuple[float, Count, Count], ...], msgspec.Meta(max_length=MAX_SAMPLES)]


_decoder = msgspec.json.Decoder(Trace)


def read_trace(data: bytes, name: str = "The trace") -> Trace:
    """Read a trace from JSON. Raises UserError with what is wrong and where."""
    try:
        trace = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise UserError(f"{name} is no trace of an endpoint: {error}") from None
    for before, after in zip(trace.samples, trace.samples[1:], strict=False):
        if not after[0] >= before[0]:
            raise UserError(f"{name} is not in the order of time: {after[0]:g} s comes after {before[0]:g} s.")
    return trace


def replay(trace: Trace, settings: Scaling) -> list[Decision]:
    """Give what would be decided at each sample, if each decision were carried out at once."""
    if not trace.samples:
        return []
    history = History(trace.samples[0][0], settings.window_s)
    size = initial(settings) if trace.size is None else trace.size
    concurrency = settings.concurrency or trace.concurrency
    decisions: list[Decision] = []
    for at, running, queued in trace.samples:
        decision = step(history, running, queued, size, settings, concurrency, at)
        decisions.append(decision)
        size = decision.after
    return decisions
