"""A revision of an endpoint as it is run: with one environment, one set of limits, one pool of replicas.

The same revision with another environment is another variant, which takes its place as a new revision would.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from hotplate.config.settings import SETTINGS
from hotplate.deployment.masking import Mask
from hotplate.deployment.records import EndpointSpec, Revision
from hotplate.edge.exchange import Exchange
from hotplate.errors import HotplateError, PlatformError
from hotplate.scaling.decision import Decision
from hotplate.scaling.policy import initial
from hotplate.server.deployed import Deployed
from hotplate.server.naming import named
from hotplate.server.placement import Placement
from hotplate.server.process import StartFailed
from hotplate.server.replica_log import ReplicaLog
from hotplate.server.scaler import Scaler
from hotplate.server.starter import Starter
from hotplate.targets.opening import REMOTE
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.server.served import Served
    from hotplate.server.solo import SoloWorker

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
        settings = self._settings = overridden(fleet.settings, spec)
        id_prefix = os.urandom(4).hex()
        self.placement = Placement(
            spec=spec,
            revision=revision,
            settings=settings,
            home=fleet.home,
            memory=served.memory,
            limiter=fleet.limiter,
            url=fleet.url,
            token=served.token.text,
            id_prefix=id_prefix,
            containers=fleet.containers,
            targets=fleet.targets,
            kind=fleet.target(spec),
            note=lambda text: fleet.event(spec.name, "memory_limit", text, revision=revision.digest),
        )
        kind = fleet.target(spec)
        contained = self._contained = kind == "docker"
        here = kind == "local"
        self.remote = kind in REMOTE
        self._start = {"local": self.placement.start, "docker": self.placement.start_contained}.get(
            kind, self.placement.start_remote
        )
        served.memory.spills = fleet.containers.spills(spec.name) if contained else ""
        self._mask: Mask | None = None
        log = ReplicaLog(
            fleet.log,
            endpoint=spec.name,
            revision=revision.digest,
            mask=self.mask,
            capture=fleet.capture,
            journal=fleet.journal,
        )
        self.starter = Starter(
            self._start,
            log,
            # A process that has looked for GPUs while it was a template has found those of another replica.
            template="off" if spec.hardware.gpus or not here else spec.scaling.template,
            admit=self.placement.admit,
            keep_s=spec.scaling.keep_template_s,
            setup_timeout_s=settings.setup_timeout_s,
            id_prefix=id_prefix,
        )
        self.deployed = Deployed(
            settings=settings,
            log=log,
            access=fleet.access,
            memory=served.memory,
            id_prefix=id_prefix,
            size=0,
            spawn=self.starter,
            on_routes=fleet.routes_changed,
            on_failed=self._failed,
            on_ready=self._ready,
            on_held=lambda: None,  # until there is a scaler
            version=revision.digest[:12],
            traces=fleet.traces.of(spec.name, revision.digest) if fleet.traces is not None else None,
        )
        self.deployed.system.private = not spec.public
        self.deployed.system.subject = lambda: served.subject({})
        self.deployed.router.jobs = self.deployed.system.jobs = served.door
        self.deployed.use(named(revision, spec.name))
        if here and (text := fleet.limiter.explain(spec.hardware)):
            fleet.event(spec.name, "limits", text, revision=self.digest)
        self.scaler: Scaler | None = None
        self.saved_size = 0

    def start_solo(self, number: int, environment: Mapping[str, str]) -> SoloWorker:
        """Start a replica for one job alone, which the pool does not count."""
        from hotplate.server.solo import SoloWorker

        return SoloWorker(
            self.deployed.log,
            lambda _: self._start(number, more=environment),
            memory=self.deployed.endpoint.memory,
            setup_timeout_s=self._settings.setup_timeout_s,
            id_prefix=f"{self._spec.name}-{number}",
        )

    def mask(self) -> Mask:
        """What takes the endpoint's secrets out of a text. Made once, and with it the secrets are opened."""
        if self._mask is None:
            try:
                self._mask = Mask((*self.placement.secrets().values(), self._served.token.text))
            except PlatformError:
                return Mask()  # they cannot be opened, so no replica has them
        return self._mask

    # -- how many

    @property
    def running(self) -> int:
        """Replicas that take calls."""
        counts = self.deployed.pool.counts()
        return counts.ready + counts.busy

    @property
    def trouble(self) -> str:
        """Why no replica runs, or nothing."""
        return self.text if not self.running else ""

    def configure(self, spec: EndpointSpec) -> None:
        """Take the parts of a spec that need no other replicas."""
        self._spec = spec
        self.starter.keep_s = spec.scaling.keep_template_s
        if self.scaler is not None and self.proven:
            self.scaler.configure(spec.scaling)
        if self.deployed.system.private == spec.public:
            self.deployed.system.private = not spec.public
            self.deployed.system.contract_changed()

    def forgive(self) -> bool:
        """Forget why it did not run: it is to be tried anew. Gives whether there was something to forget."""
        failed = bool(self.text)
        if failed:
            self.text, self._failures = "", 0
            self.deployed.endpoint.trouble = ""
            self.deployed.pool.try_now()
        return failed

    async def check(self) -> str:
        """See whether its target could have a replica of it at all. Gives what speaks against it, or nothing."""
        try:
            if self.remote:
                await self.placement.check_remote()
            else:
                self.placement.check_here()
            if self._contained:
                await self.placement.prepare_image()
        except HotplateError as error:
            self.text = error.message
        except StartFailed as error:
            self.text = self.mask()(error.failure.text().strip())
        return self.text

    def begin(self, least: int) -> int:
        """Have the autoscaler begin, with at least so many replicas until `prove`. Gives how many there are to be."""
        fleet, spec = self._served.fleet, self._spec
        count = min(max(least, initial(spec.scaling)), max(1, spec.scaling.max_replicas))
        scaling = structs.replace(spec.scaling, min_replicas=count, max_replicas=max(count, spec.scaling.max_replicas))
        if self.scaler is None:
            saved = fleet.saved.pop((spec.name, self.key), None)
            self.scaler = Scaler(
                self.deployed.endpoint, self.deployed.pool, scaling, on_decision=self._decided, saved=saved
            )
            self.scaler.start()
        else:
            self.scaler.configure(scaling)
        return count

    def prove(self) -> None:
        """It runs: from here on the autoscaler alone says how many."""
        self.proven = True
        if self.scaler is not None:
            self.scaler.configure(self._spec.scaling)

    def _decided(self, decision: Decision) -> None:
        name = self._served.spec.name
        self._served.fleet.decisions[name] += 1
        self._served.fleet.journal.decision(
            name, decision.at, decision.before, decision.after, decision.reason, decision.inputs
        )

    # -- what the pool tells

    def _ready(self) -> None:
        self._served.rollout.recovered(self)
        self.text = ""
        self.changed.set()
        if self._served.door is not None:
            self._served.door.ready()

    def _failed(self, failure: Failure) -> None:
        """A replica could not start, and none has run before.

        What the author's code raised is said to whoever waits. A replica that only died is tried again first: it may
        have been killed.
        """
        self._failures += 1
        text = self.mask()(failure.text().strip())
        self.deployed.log.block(text)
        self._served.fleet.event(self._served.spec.name, "replica_failed", text, revision=self.digest)
        if not failure.trace and self._failures < TRIES:
            return
        self.text = text
        place = f"{failure.where}: " if failure.where else ""
        endpoint = self.deployed.endpoint
        endpoint.trouble = self.mask()(f"The endpoint cannot be started: {place}{failure.message}")
        endpoint.state = "CRASH_LOOPING"
        endpoint.fail_waiting("unavailable", endpoint.trouble)
        self.changed.set()

    async def retire(self, hand_over: Callable[[Exchange], None]) -> None:
        """Take no more calls; finish what runs; end."""
        endpoint, pool = self.deployed.endpoint, self.deployed.pool
        if self.scaler is not None:
            self.scaler.stop()
        self.starter.stop()
        endpoint.hand_over = hand_over
        for exchange in endpoint.take_waiting():
            hand_over(exchange)
        pool.stopping = True
        for worker in list(pool.workers):
            if not worker.running:
                worker.stopping = True
                worker.process.kill()
        await pool.stop(DRAIN_S)

    async def stop(self, grace_s: float) -> None:
        """End now, or after a grace period where calls run."""
        if self.scaler is not None:
            self.scaler.stop()
        self.starter.stop()
        await self.deployed.pool.stop(grace_s)


def variant_key(spec: EndpointSpec, revision: Revision) -> str:
    """What tells one variant of an endpoint from another: all that a replica is started with."""
    rest = (sorted(spec.env.items()), sorted(spec.secrets.items()), spec.hardware, spec.volume, spec.scaling.template)
    limits = sorted(item for item in spec.limits.items() if item[0] in SETTINGS and SETTINGS[item[0]].group != "jobs")
    target = (spec.target,) if spec.target else ()
    told = msgspec.json.encode((*rest, limits, *target))
    return f"{revision.digest}:{hashlib.sha256(told).hexdigest()[:12]}"


def overridden(settings: Settings, spec: EndpointSpec) -> Settings:
    """The server's settings with those of an endpoint; names that are no settings are left out."""
    known: dict[str, Any] = {name: value for name, value in spec.limits.items() if name in SETTINGS}
    return replace(settings, **known)
