"""What a worker does for traces (`--traces on`): the author's function runs inside the span of its call.

The server has made that span's id; this makes it the active one, so that spans of the author's own lie in it, and tells
the server when the function ran. Nothing of OpenTelemetry need be installed beside the project for that. Where its SDK
is and the author has set up no provider, one is set up that exports as the OTEL_* variables say.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from time import monotonic_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hotplate.faces.base import Buffer, Head
from hotplate.wire import frames, trace
from hotplate.wire.frames import Traced, decode_meta, encode_meta
from hotplate.worker.invoke import Bound, Invoker

if TYPE_CHECKING:
    from hotplate.worker.channel import Work

_CALL: ContextVar[tuple[int, tuple[str, ...]]] = ContextVar("hotplate_call", default=(0, ()))
"""The call that was opened here last, and its trace."""

SDK = "opentelemetry.sdk.trace"
EXPORTER = "opentelemetry.exporter.otlp.proto.http"


class TracedInvoker(Invoker):
    """An invoker whose routes run in the spans of their calls. A batch belongs to several, and so to none."""

    def begin(self, name: str) -> None:
        """Have the routes run in spans. After `setup()` and after any fork: the exporter has a thread."""
        _export(name)
        for route in self.routes:
            if route.batching is None:
                route.function = self._wrapped(route, route.function)

    def open(self, work: Work) -> tuple[Buffer, Head | None]:
        """Find a call's body and head, and note whose trace it is in."""
        meta = work[3]
        _CALL.set((work[0], decode_meta(work[5][:meta]).trace if meta else ()))
        return super().open(work)

    def _wrapped(self, route: Bound, function: Callable[..., Any]) -> Callable[..., Any]:
        if route.asynchronous:
            return self._async_stream(function) if route.stream else self._async(function)
        return self._stream(function) if route.stream else self._plain(function)

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def traced(*values: Any) -> Any:
            with _Active(self):
                return function(*values)

        return traced

    def _stream(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def traced(*values: Any) -> Iterator[Any]:
            with _Active(self):
                yield from function(*values)

        return traced

    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def traced(*values: Any) -> Any:
            with _Active(self):
                value = function(*values)
                return await value if hasattr(value, "__await__") else value

        return traced

    def _async_stream(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def traced(*values: Any) -> AsyncIterator[Any]:
            from hotplate.worker.tasks import iterate

            with _Active(self):
                pieces = await iterate(function(*values))
                try:
                    async for piece in pieces:
                        yield piece
                finally:
                    if (close := getattr(pieces, "aclose", None)) is not None:
                        await close()

        return traced


class _Active:
    """The span of the call that was opened here last is the active one; at the end the server is told of it."""

    __slots__ = ("_attached", "_begun", "_call_id", "_invoker", "_set", "_trace")

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker
        self._call_id, self._trace = _CALL.get()
        self._attached: Any = None

    def __enter__(self) -> None:
        self._begun = monotonic_ns()
        if not self._trace:
            return
        parent, state = self._trace
        self._set = trace.CURRENT.set((parent, state))
        if "opentelemetry.trace" in sys.modules:
            self._attached = _attach(parent, state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trail: TracebackType | None
    ) -> None:
        if not self._trace:
            return
        told = Traced(monotonic_ns() - self._begun, "" if kind is None or kind is GeneratorExit else kind.__name__)
        trace.CURRENT.reset(self._set)
        if self._attached is not None:
            from opentelemetry import context

            context.detach(self._attached)
        frame = frames.frame(frames.TRACED, call_id=self._call_id, meta=encode_meta(told), stamp=self._begun)
        try:
            self._invoker.channel.send(frame)
        except OSError:  # the server is gone; so is this worker, soon
            pass


def _export(name: str) -> None:
    """Let the author's own spans lie in ours, and export them where they have said nothing of where these go."""
    if not _installed("opentelemetry.trace"):
        return
    import opentelemetry.trace  # from here on it is found in sys.modules

    if not isinstance(opentelemetry.trace.get_tracer_provider(), opentelemetry.trace.ProxyTracerProvider):
        return
    if not (_installed("opentelemetry.sdk.trace") and _installed("opentelemetry.exporter.otlp.proto.http")):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": name}))
    provider = TracerProvider(resource=resource)  # flushes what it has when the process ends
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    opentelemetry.trace.set_tracer_provider(provider)


def _attach(parent: str, state: str) -> Any:
    from opentelemetry import context
    from opentelemetry import trace as api

    found = trace.parse(parent, state)
    assert found is not None
    flags = api.TraceFlags(found.sampled)
    given = api.TraceState.from_header([found.state] if found.state else [])
    span = api.SpanContext(found.trace_id, found.span_id, is_remote=True, trace_flags=flags, trace_state=given)
    return context.attach(api.set_span_in_context(api.NonRecordingSpan(span)))


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
