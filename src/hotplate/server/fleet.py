"""Many endpoints on one port: finds whom a request is for, who sent it, and whether that one may. The edge's Handler.

Authentication belongs to the matched route and is decided once for each distinct head; whatever changes the answer
(another snapshot, a rollout) empties the edge's table of heads.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import structs

from hotplate.deployment.home import Home
from hotplate.deployment.records import Scope, Snapshot, TokenSpec
from hotplate.edge.edge import Edge
from hotplate.edge.exchange import Plan, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import problem
from hotplate.hardware.limiter import Limiter
from hotplate.server import addressing
from hotplate.server.access import AccessLog
from hotplate.server.callers import Caller, Callers, forbidden, is_token, unauthorized
from hotplate.server.capture import Capture
from hotplate.server.front import Front
from hotplate.server.guards import GuardedPlan
from hotplate.server.journal import Journal
from hotplate.server.log import Log
from hotplate.server.memory import Budget
from hotplate.server.plans import CallPlan, PagePlan, RefusalPlan
from hotplate.server.preflight import preflight
from hotplate.server.served import Served

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

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
        self.limiter = Limiter()
        self.journal = Journal(home.server_db, log.error)
        self.saved = self.journal.saved()
        self.capture = Capture(home.logs)
        self.decisions: Counter[str] = Counter()
        self.served: dict[str, Served] = {}
        self.number = -1
        self.front = Front(self)
        self.edge: Edge | None = None

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
                return self._refuse(refusal)
            return PagePlan(self.access, page.show)
        served = self.served.get(address.name) if address is not None else None
        if address is None or served is None or served.removed:
            if caller is None:
                return self._refuse(unauthorized("Send `Authorization: Bearer TOKEN`."))
            return self._refuse(Refusal(404, problem("There is no such endpoint.", code="not_found")))
        if address.prefix:
            head.prefix, head.path = address.prefix, address.path
        plan = served.plan(head)
        if served.spec.public or (head.path.startswith(OPEN) and isinstance(plan, PagePlan)):
            return plan
        refusal = self._refusal(caller, "invoke", address.name)
        if refusal is not None:
            if isinstance(plan, PagePlan) and self._refusal(caller, "read", address.name) is None:
                return plan  # pages show what is there; only calls run anything
            return self._refuse(refusal)
        assert caller is not None
        if not caller.free:
            return GuardedPlan(plan, caller)
        if isinstance(plan, CallPlan):
            plan.caller = caller
        return plan

    def _refusal(self, caller: Caller | None, scope: Scope, endpoint: str) -> Refusal | None:
        if caller is None:
            return unauthorized("Send `Authorization: Bearer TOKEN` with a token of this installation.")
        if caller.may(scope, endpoint):
            return None
        return forbidden(f"This token does not allow `{scope}`" + (f" at {endpoint}." if endpoint else " here."))

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
        self.number = snapshot.number
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

    def gone(self, served: Served) -> None:
        """An endpoint has ended."""
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
            for variant in served.variants.values():
                if variant.scaler is not None and (variant.deployed.pool.size or variant.saved_size):
                    variant.saved_size = variant.deployed.pool.size
                    self.journal.save(name, variant.key, variant.scaler.state())

    # -- the end

    def fail_waiting(self) -> None:
        """Refuse what waits."""
        for served in self.served.values():
            served.fail_waiting()

    async def stop(self, grace_s: float) -> None:
        """End all replicas."""
        self.save()
        await asyncio.gather(*(served.stop(grace_s) for served in self.served.values()))
