"""The door to traces: whether what they need is installed, their beginning and their end. It imports none of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hotplate.errors import MissingExtra

if TYPE_CHECKING:
    from hotplate.server.log import Log
    from hotplate.server.traces import Traces

CLOSE_S = 5.0
"""How long the end may be held up by a collector that does not take what is left."""


def open_traces() -> Traces:
    """Begin to trace. Raises MissingExtra where the SDK is not installed."""
    try:
        from hotplate.server.traces import Traces
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise MissingExtra("Traces need OpenTelemetry's SDK.", hint='pip install "hotplate[otel]"') from None
    return Traces()


def check_traces() -> None:
    """Look whether there is all that traces need, before anything is started. Raises MissingExtra."""
    from importlib.util import find_spec

    try:
        found = find_spec("opentelemetry.sdk.trace") and find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise MissingExtra("Traces need OpenTelemetry's SDK.", hint='pip install "hotplate[otel]"')


async def close_traces(traces: Traces | None, log: Log) -> None:
    """Export what is left, off the loop and within bounds."""
    if traces is None:
        return
    try:
        await asyncio.wait_for(asyncio.to_thread(traces.close), CLOSE_S)
    except TimeoutError:
        log.warning("The last traces could not be exported in time")
