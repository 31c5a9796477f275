"""An endpoint of the fleet: who answers a request, its jobs, what is told of it. Its revisions are in `rollout.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from msgspec.structs import astuple

from hotplate.deployment import tokens
from hotplate.deployment.records import EndpointSpec
from hotplate.deployment.sealed import unseal
from hotplate.edge.exchange import Exchange, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import problem
from hotplate.server.guards import SplitPlan
from hotplate.server.job_door import JobDoor
from hotplate.server.job_traffic import JobTraffic
from hotplate.server.memory import Memory
from hotplate.server.metrics_page import Subject
from hotplate.server.placement import WEBHOOK_SECRET
from hotplate.server.plans import RefusalPlan
from hotplate.server.replica import Counts
from hotplate.server.rollout import Rollout
from hotplate.server.variant import overridden

if TYPE_CHECKING:
    from hotplate.server.deployed import Deployed
    from hotplate.server.fleet import Fleet
    from hotplate.server.plans import Plan
    from hotplate.server.solo import SoloWorker

NO_REVISION = "The endpoint's revision is not on this machine; `hotplate events` says more."


class Served:
    """One endpoint."""

    def __init__(self, spec: EndpointSpec, fleet: Fleet) -> None:
        self.spec = spec
        self.fleet = fleet
        self.memory = Memory(budget=fleet.budget)
        self.token = tokens.make()
        self.removed = False
        self.rollout = Rollout(self)
        self._rooms = 0
        self._solos: WeakSet[SoloWorker] = WeakSet()
        self.door = self._make_door(spec) if fleet.settings.jobs == "on" else None
        self.rollout.begin(spec)

    # -- requests

    def plan(self, head: RequestHead) -> Plan | SplitPlan:
        """Match a request, whose path has no prefix any more."""
        traffic = self.rollout.traffic
        if not traffic and self.door is not None and (shown := self.door.page(head)):
            return shown  # what is kept is kept
        if self.spec.paused and not self.removed:
            return self._refusing(503, "The endpoint is paused.", "unavailable")
        if not traffic:
            detail = self.rollout.text or NO_REVISION
            return self._refusing(503, detail, "not_ready")
        if len(traffic) == 1:
            return traffic[0][1].deployed.router.plan(head)
        plans = [variant.deployed.router.plan(head) for _, variant in traffic]
        return SplitPlan([share for share, _ in traffic], plans)

    def _refusing(self, status: int, detail: str, code: str) -> RefusalPlan:
        return RefusalPlan(self.fleet.access, Refusal(status, problem(detail, code=code), (("retry-after", "5"),)))

    def hand_over(self, exchange: Exchange) -> None:
        """Take a request that was meant for a revision which is not in service any more."""
        if self.door is not None and self.door.takes(exchange):
            return
        plan = self.plan(exchange.head)
        exchange.plan = plan
        plan.handle(exchange)

    # -- jobs

    def _make_door(self, spec: EndpointSpec) -> JobDoor:
        return JobDoor(
            name=spec.name,
            keeping=self.fleet.jobs,
            settings=overridden(self.fleet.settings, spec),
            traffic=JobTraffic(self._takers, self._mask),
            allocate=self.memory.allocate,
            access=self.fleet.access,
            start_solo=self._start_solo,
            most_alone=lambda: self.spec.scaling.max_replicas,
            webhook_secret=self._webhook_secret,
            room=self._room,
        )

    def _takers(self) -> list[tuple[float, Deployed]]:
        return [(share, variant.deployed) for share, variant in self.rollout.traffic]

    def _start_solo(self, number: int, more: Mapping[str, str]) -> SoloWorker:
        solo = self.rollout.traffic[-1][1].start_solo(number, more)
        self._solos.add(solo)
        return solo

    def _room(self) -> Path | None:
        """Containers see no folder of this machine but their own."""
        if self.fleet.target(self.spec) != "docker":
            return None
        self._rooms += 1
        return Path(self.fleet.containers.spills(self.spec.name), f"c{self._rooms}")

    def _webhook_secret(self) -> str | None:
        sealed = self.spec.secrets.get(WEBHOOK_SECRET)
        return None if sealed is None else unseal(sealed, WEBHOOK_SECRET, self.fleet.home.key)

    def _mask(self, text: str) -> str:
        for variant in self.rollout.running():
            text = variant.mask()(text)
        return text

    # -- what is wanted

    def apply(self, spec: EndpointSpec) -> None:
        """Serve this from now on."""
        if spec != self.spec or self.removed:
            self.spec = spec
            self.removed = False
            if self.door is not None:
                self.door.configure(overridden(self.fleet.settings, spec))
            self.rollout.open(spec)
            self.rollout.wake()

    def remove(self) -> None:
        """Serve nothing any more; what runs is finished."""
        self.removed = True
        if self.door is not None:
            self.door.remove()
        self.rollout.wake()

    def subject(self, labels: dict[str, str]) -> Subject:
        """What the metrics tell of this endpoint, over all its revisions."""
        variants = self.rollout.running()
        endpoints = [variant.deployed.endpoint for variant in variants]
        counts = [variant.deployed.pool.counts() for variant in variants]
        total = Counts(*(sum(values) for values in zip(*map(astuple, counts), strict=True))) if counts else Counts()
        counts_of_jobs = self.door.counts if self.door is not None else None
        decisions = self.fleet.decisions[self.spec.name]
        return Subject(labels, self.rollout.past.with_live(endpoints), endpoints, total, decisions, counts_of_jobs)

    # -- the end

    def fail_waiting(self) -> None:
        """Refuse what waits."""
        for variant in self.rollout.variants.values():
            variant.deployed.endpoint.fail_waiting("unavailable", "The server is shutting down. Try again.")

    async def stop(self, grace_s: float) -> None:
        """End all replicas."""
        self.rollout.call_off()
        ends = [variant.stop(grace_s) for variant in self.rollout.running()]
        await asyncio.gather(*ends, *(solo.end() for solo in list(self._solos)))
