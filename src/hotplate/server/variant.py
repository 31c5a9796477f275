"""A revision of an endpoint as it is run: with one environment, one set of limits, one pool of replicas.

The same revision with another environment is another variant, which takes its place as a new revision would.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.config.settings import SETTINGS
from hotplate.deployment.records import EndpointSpec, Revision
from hotplate.edge.exchange import Exchange
from hotplate.server.deployed import Deployed
from hotplate.server.placement import Placement
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.server.served import Served

TRIES = 3
"""Replicas that may die while they start, before it is said that the revision cannot start."""
DRAIN_S = 86_400.0
"""Busy replicas are not cut. Their calls have deadlines of their own; this is for those that outlive a day."""


class Variant:
    """One revision in one environment. `proven` once it has run, `trouble` says why it does not."""

    def __init__(self, key: str, spec: EndpointSpec, revision: Revision, served: Served) -> None:
        fleet = served.fleet
        self.key = key
        self.digest = revision.digest
        self.proven = False
        self.text = ""
        self._failures = 0
        self.changed = asyncio.Event()
        self._served = served
        self._spec = spec
        settings = overridden(fleet.settings, spec)
        id_prefix = os.urandom(4).hex()
        self.placement = Placement(
            spec=spec,
            revision=revision,
            settings=settings,
            home=fleet.home,
            memory=served.memory,
            url=fleet.url,
            token=served.token.text,
            id_prefix=id_prefix,
        )
        self.deployed = Deployed(
            settings=settings,
            log=fleet.log,
            access=fleet.access,
            memory=served.memory,
            id_prefix=id_prefix,
            size=0,
            spawn=self.placement.start,
            on_routes=fleet.routes_changed,
            on_failed=self._failed,
            on_ready=self._ready,
            on_held=self._held,
            version=revision.digest[:12],
        )
        self.deployed.system.private = not spec.public
        self.deployed.use(revision.contract)

    # -- how many

    @property
    def running(self) -> int:
        """Replicas that take calls."""
        counts = self.deployed.pool.counts()
        return counts.ready + counts.busy

    @property
    def least(self) -> int:
        """Replicas to begin with."""
        scaling = self._spec.scaling
        first = scaling.min_replicas if scaling.initial_replicas is None else scaling.initial_replicas
        return min(max(first, scaling.min_replicas), scaling.max_replicas)

    @property
    def trouble(self) -> str:
        """Why no replica runs, or nothing."""
        return self.text if not self.running else ""

    def configure(self, spec: EndpointSpec) -> None:
        """Take the parts of a spec that need no other replicas."""
        self._spec = spec
        if self.deployed.system.private == spec.public:
            self.deployed.system.private = not spec.public
            self.deployed.system.contract_changed()

    def want(self, count: int) -> None:
        """Have at least so many replicas soon."""
        if self.deployed.pool.size < count:
            self.deployed.pool.resize(count)

    def _held(self) -> None:
        self.want(1)

    # -- what the pool tells

    def _ready(self) -> None:
        self._served.recovered(self)
        self.text = ""
        self.changed.set()

    def _failed(self, failure: Failure) -> None:
        """A replica could not start, and none has run before.

        What the author's code raised is said to whoever waits. A replica that only died is tried again first: it may
        have been killed.
        """
        self._failures += 1
        self._served.fleet.event(self._served.spec.name, "replica_failed", failure.text(), revision=self.digest)
        if not failure.trace and self._failures < TRIES:
            return
        self.text = failure.text().strip()
        place = f"{failure.where}: " if failure.where else ""
        endpoint = self.deployed.endpoint
        endpoint.trouble = f"The endpoint cannot be started: {place}{failure.message}"
        endpoint.state = "CRASH_LOOPING"
        endpoint.fail_waiting("unavailable", endpoint.trouble)
        self.changed.set()

    async def retire(self, hand_over: Callable[[Exchange], None]) -> None:
        """Take no more calls; finish what runs; end."""
        endpoint, pool = self.deployed.endpoint, self.deployed.pool
        endpoint.hand_over = hand_over
        for exchange in endpoint.take_waiting():
            hand_over(exchange)
        pool.stopping = True
        for worker in list(pool.workers):
            if not worker.running:
                worker.stopping = True
                worker.process.kill()
        await pool.stop(DRAIN_S)


def variant_key(spec: EndpointSpec, revision: Revision) -> str:
    """What tells one variant of an endpoint from another: all that a replica is started with."""
    rest = (sorted(spec.env.items()), sorted(spec.secrets.items()), spec.hardware, spec.volume)
    told = msgspec.json.encode((*rest, sorted(spec.limits.items())))
    return f"{revision.digest}:{hashlib.sha256(told).hexdigest()[:12]}"


def overridden(settings: Settings, spec: EndpointSpec) -> Settings:
    """The server's settings with those of an endpoint; names that are no settings are left out."""
    known: dict[str, Any] = {name: value for name, value in spec.limits.items() if name in SETTINGS}
    return replace(settings, **known)
