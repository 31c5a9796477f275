"""Traces of calls for OpenTelemetry (`--traces on`): a span of the server's for each call, one of the worker's in it.

Imported only where traces are on; without them no call does anything for them. The spans are made when a call is over
and exported by a thread of the SDK, over OTLP/HTTP, as the usual OTEL_* variables say. No other package of ours imports
the SDK but `worker/traces.py`.
"""

from __future__ import annotations

from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any

from msgspec import structs
from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from hotplate import __version__
from hotplate.server.plans import CallPlan, meta_of
from hotplate.wire import trace
from hotplate.wire.frames import Traced, encode_meta

if TYPE_CHECKING:
    from hotplate.contract import Mount
    from hotplate.edge.exchange import Exchange
    from hotplate.edge.head import RequestHead
    from hotplate.server.access import AccessLog
    from hotplate.server.endpoint import Endpoint

SERVICE = "hotplate"
GONE_STATUS = 499
SCOPE = InstrumentationScope("hotplate", __version__)

Attributes = dict[str, str | bool | int | float]


def service_resource(name: str) -> Resource:
    """What the spans of a process say of it; the variables win over `name`."""
    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": name}))
    return resource


class Traces:
    """Where spans of a server go."""

    def __init__(self) -> None:
        provider = TracerProvider(resource=service_resource(SERVICE), shutdown_on_exit=False)
        self.sampler = provider.sampler
        self.ids = provider.id_generator
        self._resource = provider.resource
        self._processor = BatchSpanProcessor(OTLPSpanExporter())

    def of(self, endpoint: str, revision: str = "") -> EndpointTraces:
        """Traces of one endpoint and revision."""
        return EndpointTraces(self, endpoint, revision)

    def close(self) -> None:
        """Export what is left. Takes as long as the exporter's timeout where nobody takes it."""
        self._processor.shutdown()

    def add(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        status: Status,
        begun_ns: int,
        ended_ns: int,
    ) -> None:
        """Note a span that is over. Times are monotonic."""
        shift = time_ns() - monotonic_ns()
        self._processor.on_end(
            ReadableSpan(
                name,
                context=context,
                parent=parent,
                resource=self._resource,
                attributes=attributes,
                kind=kind,
                instrumentation_scope=SCOPE,
                status=status,
                start_time=begun_ns + shift,
                end_time=ended_ns + shift,
            )
        )


class EndpointTraces:
    """Makes the plans of one endpoint and revision."""

    def __init__(self, traces: Traces, endpoint: str, revision: str = "") -> None:
        self.traces = traces
        self.facts: Attributes = {"hotplate.endpoint": endpoint}
        if revision:
            self.facts["hotplate.revision"] = revision

    def plan(
        self,
        endpoint: Endpoint,
        access: AccessLog,
        index: int,
        head: RequestHead,
        max_bytes: int,
        mount: Mount,
        wants: tuple[str, ...],
    ) -> CallPlan:
        """What runs a call of a route, and traces it."""
        return _TracedPlan(self, endpoint, access, index, head, max_bytes, mount, wants)


class _TracedPlan(CallPlan):
    """A call plan whose calls each have a plan of their own, since each is a span of its own."""

    __slots__ = ("attributes", "name", "parent", "record", "traces")

    def __init__(
        self,
        own: EndpointTraces,
        endpoint: Endpoint,
        access: AccessLog,
        index: int,
        head: RequestHead,
        max_bytes: int,
        mount: Mount,
        wants: tuple[str, ...],
    ) -> None:
        super().__init__(endpoint, access, index, head, max_bytes, mount, wants)
        self.traces = own.traces
        self.record = meta_of(head, self.named_id.decode(), mount, wants)
        self.parent = trace.parse(_text(head, b"traceparent"), _text(head, b"tracestate"))
        self.name = f"{head.method} {mount.path}"
        self.attributes: Attributes = {
            "http.request.method": head.method,
            "http.route": mount.path,
            "url.path": head.prefix + head.path,
            "url.scheme": "http",
            **({"server.address": _text(head, b"host")} if b"host" in head.headers else {}),
            **({"user_agent.original": _text(head, b"user-agent")} if b"user-agent" in head.headers else {}),
            **own.facts,
        }
        self.handle = self._begin

    def _begin(self, exchange: Exchange) -> None:
        exchange.plan = _Call(self)
        self.endpoint.submit(exchange)

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Count the answer, and note its spans."""
        super().observe(exchange, status, now_ns)
        call = exchange.plan if isinstance(exchange.plan, _Call) else _Call(self)
        call.finish(exchange, status, now_ns)


class _Call:
    """The plan of one call: its head's, and the ids of its spans. What it does not have is the other's."""

    __slots__ = ("context", "parent", "plan", "sent_ns", "work", "worked")

    def __init__(self, plan: _TracedPlan) -> None:
        self.plan = plan
        self.sent_ns = 0
        self.worked: tuple[int, Traced] | None = None
        traces, given = plan.traces, plan.parent
        self.parent: SpanContext | None = None
        around = None
        if given is not None:
            flags = TraceFlags(TraceFlags.SAMPLED if given.sampled else TraceFlags.DEFAULT)
            state = TraceState.from_header([given.state] if given.state else [])
            self.parent = SpanContext(
                given.trace_id, given.span_id, is_remote=True, trace_flags=flags, trace_state=state
            )
            around = api.set_span_in_context(api.NonRecordingSpan(self.parent))
        trace_id = given.trace_id if given is not None else traces.ids.generate_trace_id()
        sampled = traces.sampler.should_sample(around, trace_id, plan.name, SpanKind.SERVER, plan.attributes)
        flags = TraceFlags(TraceFlags.SAMPLED if sampled.decision.is_sampled() else TraceFlags.DEFAULT)
        state = sampled.trace_state
        ids = traces.ids.generate_span_id
        self.context = SpanContext(trace_id, ids(), is_remote=False, trace_flags=flags, trace_state=state)
        self.work = SpanContext(trace_id, ids(), is_remote=False, trace_flags=flags, trace_state=state)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plan, name)

    @property
    def meta(self) -> bytes:
        """What the worker is told. Asked for when the call is sent to it, so that this is the end of its wait."""
        self.sent_ns = monotonic_ns()
        work = self.work
        parent = trace.traceparent(work.trace_id, work.span_id, sampled=work.trace_flags.sampled)
        return encode_meta(structs.replace(self.plan.record, trace=(parent, work.trace_state.to_header())))

    def traced(self, begun_ns: int, what: Traced) -> None:
        """The worker says when the author's function ran."""
        self.worked = begun_ns, what

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """A plan around this one heard that the call is over."""
        self.plan.observe(exchange, status, now_ns)

    def finish(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Note the spans of a call that is over."""
        if not self.context.trace_flags.sampled:
            return
        plan, link = self.plan, exchange.link
        attributes = plan.attributes | {
            "client.address": exchange.connection.peer,
            "http.response.status_code": status,
            "hotplate.request_id": plan.endpoint.request_id(exchange),
        }
        if self.sent_ns:
            attributes["hotplate.queue_wait_s"] = (self.sent_ns - exchange.received_ns) / 1e9
            waited_ns = 0 if link is None else link.running_ns - exchange.received_ns
            attributes["hotplate.cold_start"] = waited_ns > 0
            if waited_ns > 0:
                attributes["hotplate.cold_start_s"] = waited_ns / 1e9
        failed = Status(StatusCode.ERROR) if status >= 500 else Status()
        if link is not None:
            self._add_work(plan, link.number, status, now_ns)
        add = plan.traces.add
        add(plan.name, self.context, self.parent, SpanKind.SERVER, attributes, failed, exchange.received_ns, now_ns)

    def _add_work(self, plan: _TracedPlan, replica: int, status: int, now_ns: int) -> None:
        """Note the worker's span: of the author's function where the worker told of it, else of all that it took."""
        attributes: Attributes = {"hotplate.replica": replica, "hotplate.route": plan.attributes["http.route"]}
        begun_ns, ended_ns = self.sent_ns, now_ns
        failed = Status(StatusCode.ERROR) if status >= 500 and status != GONE_STATUS else Status()
        if self.worked is not None:
            begun_ns, what = self.worked
            ended_ns = begun_ns + what.took_ns
            failed = Status()
            if what.error:
                attributes["error.type"] = what.error
                failed = Status(StatusCode.ERROR, what.error)
        plan.traces.add(
            f"worker {plan.attributes['http.route']}",
            self.work,
            self.context,
            SpanKind.INTERNAL,
            attributes,
            failed,
            begun_ns,
            ended_ns,
        )


def _text(head: RequestHead, name: bytes) -> str:
    return head.headers.get(name, b"").decode("latin-1")
