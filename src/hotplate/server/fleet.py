"""Many endpoints on one port: finds whom a request is for, who sent it, and whether that one may. The edge's Handler.

Authentication belongs to the matched route and is decided once for each distinct head; whatever changes the answer
(another snapshot, a rollout) empties the edge's table of heads.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from msgspec import structs

from hotplate.deployment.home import Home
from hotplate.deployment.records import EndpointSpec, Scope, Snapshot, Target, TokenSpec
from hotplate.edge.edge import Edge
from hotplate.edge.exchange import Plan, Refusal
from hotplate.edge.head import RequestHead, Sender
from hotplate.edge.response import problem
from hotplate.hardware.limiter import Limiter
from hotplate.server import addressing
from hotplate.server.access import AccessLog
from hotplate.server.callers import Caller, Callers, forbidden, is_token, unauthorized
from hotplate.server.capture import Capture
from hotplate.server.containers import Containers
from hotplate.server.front import Front
from hotplate.server.guards import GuardedPlan, SplitPlan
from hotplate.server.job_keeping import JobKeeping
from hotplate.server.journal import Journal
from hotplate.server.log import Log
from hotplate.server.memory import Budget
from hotplate.server.plans import CallPlan, PagePlan, RefusalPlan
from hotplate.server.preflight import preflight
from hotplate.server.served import Served
from hotplate.server.targets import Targets
from hotplate.server.tracing import open_traces
from hotplate.server.wrong_tokens import WrongTokenPlan, WrongTokens

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.scaling.replay import Trace
    from hotplate.server.traces import Traces

OURS = b"x-hotplate-"
"""Headers with this beginning mean something between Hotplate's own processes; nobody else gets to see or send them."""
OPEN = ("/docs", "/redoc")
"""The documentation page is the same for every endpoint: fixed files, which ask for a token themselves."""


class Fleet:
    """All endpoints."""

    def __init__(self, settings: Settings, log: Log, home: Home, url: str) -> None:
        self.settings = settings
        self.log = log
        self.home = home
        self.url = url
        self.loop = asyncio.get_running_loop()
        self.access = AccessLog(log, settings.access_log)
        self.budget = Budget(settings.body_memory_bytes)
        self.callers = Callers()
        self.wrong_tokens = WrongTokens()
        self.limiter = Limiter()
        self.containers = Containers(home, settings.docker_network, url, log)
        self.targets = Targets(home, settings, log, self.event)
        self.journal = Journal(home.server_db, log.error)
        self.saved = self.journal.saved()
        self.capture = Capture(home.logs)
        self.decisions: Counter[str] = Counter()
        known = "deployed" if settings.jobs_store else f"deployed-{sha256(str(home.root).encode()).hexdigest()[:8]}"
        self.jobs = JobKeeping(home.jobs, known, settings, log)
        self.served: dict[str, Served] = {}
        self.number = -1
        self.front = Front(self)
        self.edge: Edge | None = None
        self.traces: Traces | None = open_traces() if settings.traces == "on" else None

    # -- requests

    def plan(self, head: RequestHead) -> Plan:
        """Decide what is done with a request."""
        if self.settings.allow_origin and (allowed := preflight(head)) is not None:
            return self._refuse(allowed)  # browsers ask without a token
        sent = head.headers.get(b"authorization")
        caller = self.callers.find(sent)
        self._strip(head)
        address = addressing.find(head, self.served)
        page = self.front.page(head) if address is None or (address.prefix and head.path in self.front.paths) else None
        if page is not None:
            if page.scope is not None and (refusal := self._refusal(caller, page.scope, "")):
                return self._unknown(refusal, sent) if caller is None else self._refuse(refusal)
            return PagePlan(self.access, page.show)
        served = self.served.get(address.name) if address is not None else None
        if address is None or served is None or served.removed:
            if caller is None:
                return self._unknown(unauthorized("Send `Authorization: Bearer TOKEN`."), sent)
            return self._refuse(Refusal(404, problem("There is no such endpoint.", code="not_found")))
        if address.prefix:
            head.prefix, head.path = address.prefix, address.path
        head.sender = Sender(caller.spec.id if caller else "", caller.scopes(address.name) if caller else frozenset())
        plan = served.plan(head)
        if served.spec.public or (head.path.startswith(OPEN) and isinstance(plan, PagePlan)):
            return plan
        refusal = self._refusal(caller, "invoke", address.name)
        if refusal is not None:
            if not plan.shows or self._refusal(caller, "read", address.name) is not None:
                return self._unknown(refusal, sent) if caller is None else self._refuse(refusal)
            if isinstance(plan, PagePlan):
                return plan  # pages show what is there; only calls run anything
        assert caller is not None
        if isinstance(plan, CallPlan) and caller.free:
            plan.caller = caller
            return plan
        free = isinstance(plan, PagePlan | RefusalPlan | SplitPlan) and caller.free
        return plan if free else GuardedPlan(plan, caller)

    def _refusal(self, caller: Caller | None, scope: Scope, endpoint: str) -> Refusal | None:
        if caller is None:
            return unauthorized(
                "Send `Authorization: Bearer TOKEN` with a token of this server; `hotplate token create` makes one."
            )
        if caller.may(scope, endpoint):
            return None
        return forbidden(f"This token does not allow `{scope}`" + (f" at {endpoint}." if endpoint else " here."))

    def _unknown(self, refusal: Refusal, sent: bytes | None) -> RefusalPlan:
        """Refuse somebody without a good token; one who has sent a wrong one is counted."""
        if sent is None:
            return self._refuse(refusal)
        return WrongTokenPlan(self.access, refusal, self.wrong_tokens)

    def _refuse(self, refusal: Refusal) -> RefusalPlan:
        return RefusalPlan(self.access, refusal)

    def _strip(self, head: RequestHead) -> None:
        """Take away what no model has any business with, before anything of the head is kept for one."""
        headers = head.headers
        for name in [name for name in headers if name.startswith(OURS)]:
            del headers[name]
        if is_token(headers.get(b"authorization")):
            del headers[b"authorization"]
        headers.pop(b"proxy-authorization", None)

    # -- what is wanted

    def apply(self, snapshot: Snapshot) -> None:
        """Serve a snapshot from now on."""
        first, self.number = self.number < 0, snapshot.number
        if first and snapshot.number > 0:
            self.capture.keep({spec.name for spec in snapshot.endpoints})
        self.callers.replace(snapshot.tokens)
        wanted = {spec.name: spec for spec in snapshot.endpoints}
        for name, served in self.served.items():
            if name not in wanted:
                served.remove()
        for name, spec in wanted.items():
            served = self.served.get(name)
            if served is None:
                served = self.served[name] = Served(spec, self)
                token = served.token
                self.callers.add_internal(TokenSpec(id=token.id, hash=token.hash, scopes=("invoke",)))
            else:
                served.apply(spec)
        self._name_hosts()
        self.routes_changed()
        if first:
            self.jobs.resume(all_there=True)

    def _name_hosts(self) -> None:
        """Answer to Cortex's names for the endpoints that there are, and to no other name of one label."""
        if self.edge is None or self.edge.limits.rules.hosts is None:
            return
        kept = {host for host in self.edge.limits.rules.hosts if not host.startswith(addressing.CHAINED)}
        hosts = frozenset(kept | {addressing.CHAINED + name for name in self.served})
        rules = structs.replace(self.edge.limits.rules, hosts=hosts, known_hosts=set())
        self.edge.limits = structs.replace(self.edge.limits, rules=rules)

    def routes_changed(self) -> None:
        """Decide anew what is done with each head."""
        if self.edge is not None:
            self.edge.heads.clear()

    def target(self, spec: EndpointSpec) -> Target:
        """Where an endpoint's replicas run."""
        return spec.target or cast("Target", self.settings.target)

    def gone(self, served: Served) -> None:
        """An endpoint has ended: it was deleted."""
        if served.door is not None:
            served.door.close()
        self.capture.remove(served.spec.name)
        self.served.pop(served.spec.name, None)
        self.callers.remove_internal(served.token.id)
        self._name_hosts()
        self.routes_changed()

    def event(self, endpoint: str, kind: str, text: str, **data: Any) -> None:
        """Note what happened to an endpoint."""
        self.log.info(f"{endpoint}: {text}", kind=kind, **data)
        revision = str(data.pop("revision", ""))
        self.journal.event(endpoint, kind, text, replica=None, revision=revision, data=data)

    def save(self) -> None:
        """Keep what the next process needs to go on, and what control shows."""
        self.journal.used(self.callers.take_used())
        for name, served in self.served.items():
            for variant in served.rollout.variants.values():
                if variant.scaler is not None and (variant.deployed.pool.size or variant.saved_size):
                    variant.saved_size = variant.deployed.pool.size
                    self.journal.save(name, variant.key, variant.scaler.state())

    def trace(self, name: str) -> Trace | None:
        """What the autoscaler of an endpoint's newest revision has seen."""
        served = self.served.get(name)
        scalers = (
            [each.scaler for _, each in served.rollout.traffic if each.scaler is not None] if served is not None else []
        )
        return scalers[-1].trace() if scalers else None

    # -- the end

    def fail_waiting(self) -> None:
        """Refuse what waits."""
        for served in self.served.values():
            served.fail_waiting()

    async def stop(self, grace_s: float) -> None:
        """End all replicas."""
        self.save()
        await asyncio.gather(*(served.stop(grace_s) for served in self.served.values()))
        await self.targets.close()
        self.containers.close()
