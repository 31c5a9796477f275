"""An endpoint of the fleet: the revisions of it that are in service, their shares of the traffic, and its rollout.

A new revision's replicas are ready before it gets a call. Then the pointer moves, and the old revision's replicas end
when they have answered what they have. A revision that cannot start changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet

from msgspec.structs import astuple

from hotplate.deployment import tokens
from hotplate.deployment.records import EndpointSpec, Revision
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
from hotplate.server.totals import Totals, answers
from hotplate.server.variant import Variant, overridden, variant_key

if TYPE_CHECKING:
    from hotplate.server.fleet import Fleet
    from hotplate.server.plans import Plan
    from hotplate.server.solo import SoloWorker

RolloutState = Literal["stable", "rolling", "failed"]

ABORT_AFTER = 20
"""Answers that a new revision must have given before its errors end a split."""
WATCH_S = 0.5


class Served:
    """One endpoint."""

    def __init__(self, spec: EndpointSpec, fleet: Fleet) -> None:
        self.spec = spec
        self.fleet = fleet
        self.memory = Memory(budget=fleet.budget)
        self.token = tokens.make()
        self.variants: dict[str, Variant] = {}
        self.leaving: dict[Variant, asyncio.Task[None]] = {}
        self.traffic: list[tuple[float, Variant]] = []
        self.state: RolloutState = "rolling"
        self.text = ""
        self.generation = 0
        self.past = Totals()
        self.removed = False
        self._rooms = 0
        self._solos: WeakSet[SoloWorker] = WeakSet()
        self._changed = asyncio.Event()
        self._changed.set()
        self.door = self._make_door(spec) if fleet.settings.jobs == "on" else None
        self._open(spec)
        self._task = asyncio.get_running_loop().create_task(self._follow())

    # -- requests

    def plan(self, head: RequestHead) -> Plan | SplitPlan:
        """Match a request, whose path has no prefix any more."""
        if not self.traffic and self.door is not None and (shown := self.door.page(head)):
            return shown  # what is kept is kept
        if self.spec.paused and not self.removed:
            return self._refusing(503, "The endpoint is paused.", "unavailable")
        if not self.traffic:
            detail = self.text or "The endpoint's revision is not on this machine; `hotplate events` says more."
            return self._refusing(503, detail, "not_ready")
        if len(self.traffic) == 1:
            return self.traffic[0][1].deployed.router.plan(head)
        plans = [variant.deployed.router.plan(head) for _, variant in self.traffic]
        return SplitPlan([share for share, _ in self.traffic], plans)

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
            traffic=JobTraffic(lambda: [(share, variant.deployed) for share, variant in self.traffic], self._mask),
            allocate=self.memory.allocate,
            access=self.fleet.access,
            start_solo=self._start_solo,
            most_alone=lambda: self.spec.scaling.max_replicas,
            webhook_secret=self._webhook_secret,
            room=self._room,
        )

    def _start_solo(self, number: int, more: Mapping[str, str]) -> SoloWorker:
        solo = self.traffic[-1][1].start_solo(number, more)
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
        for variant in (*self.variants.values(), *self.leaving):
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
            self._open(spec)
            self._changed.set()

    def _open(self, spec: EndpointSpec) -> None:
        """Where nothing is served yet, take calls at once: they wait for the first replica."""
        if self.traffic or spec.paused:
            return
        try:
            self._point(self._wanted(spec))
        except Exception as error:  # noqa: BLE001 - one endpoint's trouble is not the others'
            self._fail(spec, f"The endpoint cannot be served: {error}")

    def _wanted(self, spec: EndpointSpec) -> list[tuple[float, Variant]]:
        return [(share.percent, self._variant(spec, _revision(spec, share.revision))) for share in spec.traffic]

    def remove(self) -> None:
        """Serve nothing any more; what runs is finished."""
        self.removed = True
        if self.door is not None:
            self.door.remove()
        self._changed.set()

    async def _follow(self) -> None:
        """Make what is so what is wanted, whenever that changes, until the endpoint is gone."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._step(self.spec)
            except Exception as error:  # noqa: BLE001 - one endpoint's trouble is not the others'
                self._fail(self.spec, f"The endpoint could not be changed: {error}")
                self.fleet.loop.call_exception_handler({"message": f"endpoint {self.spec.name}", "exception": error})
            if self.removed and not self._changed.is_set():
                await self._left()
                if not self._changed.is_set():
                    self.memory.close()
                    self.fleet.gone(self)
                    return

    async def _left(self) -> None:
        """Wait until all that was in service has ended, or something else is wanted."""
        changed = asyncio.ensure_future(self._changed.wait())
        while self.leaving and not changed.done():
            await asyncio.wait((changed, *self.leaving.values()), return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()

    async def _step(self, spec: EndpointSpec) -> None:
        if self.removed or spec.paused:
            self._point(())
            self._retire_others()
            self._settle(spec)
            return
        wanted = self._wanted(spec)
        for _, variant in wanted:
            variant.configure(spec)
        first = not any(variant.proven for _, variant in self.traffic)
        if first:
            self._point(wanted)  # calls wait for its replicas
            self._retire_others()
        fresh = [variant for _, variant in wanted if not variant.proven]
        if fresh:
            self.state, self.text = "rolling", ""
            self.fleet.event(spec.name, "rollout", "A new revision is being started.", revision=fresh[-1].digest)
        busy = max((variant.running for _, variant in self.traffic), default=0)
        # Beside an older revision a new one has to show that it runs, even where nothing is to run for long; and so has
        # one that was tried before in vain.
        again = [variant.forgive() for variant in fresh]
        for variant in fresh:
            trouble = await self._check(variant)
            if self._changed.is_set() and spec is not self.spec:
                return
            if trouble:
                self._fail(spec, trouble)
                if first:
                    variant.begin(0)  # it is tried for whoever calls: a node may come
                else:
                    self._drop(variant)
                return
        least = max(1, busy) if not first else 0
        counts = [variant.begin(least or int(failed)) for variant, failed in zip(fresh, again, strict=True)]
        for variant, count in zip(fresh, counts, strict=True):
            trouble = await self._prove(variant, count)
            if self._changed.is_set() and spec is not self.spec:
                return
            if trouble:
                self._fail(spec, trouble)
                if not first:
                    self._drop(variant)
                return
        self._point(wanted)
        self._settle(spec)
        self._retire_others()
        if len(wanted) > 1 and spec.abort_error_rate is not None:
            await self._watch_split(spec, wanted)

    def _variant(self, spec: EndpointSpec, revision: Revision) -> Variant:
        key = variant_key(spec, revision)
        variant = self.variants.get(key)
        if variant is None:
            variant = self.variants[key] = Variant(key, spec, revision, self)
        return variant

    async def _check(self, variant: Variant) -> str:
        """See whether a revision could have replicas, unless something else is wanted first: an image may take long."""
        checked = asyncio.ensure_future(variant.check())
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((checked, changed), return_when=asyncio.FIRST_COMPLETED)
            return checked.result() if checked.done() else ""
        finally:
            checked.cancel()
            changed.cancel()

    async def _prove(self, variant: Variant, count: int) -> str:
        """Wait until a revision has its replicas. Gives what went wrong, or nothing."""
        while not self._changed.is_set():
            if variant.trouble:
                return variant.trouble
            if variant.running >= count:
                variant.prove()
                return ""
            await self._sleep(variant.changed)
        return ""

    async def _sleep(self, *events: asyncio.Event) -> None:
        """Wait until one of some events, or a change of what is wanted."""
        waits = [asyncio.ensure_future(event.wait()) for event in (*events, self._changed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for event in events:
            event.clear()

    def _point(self, traffic: list[tuple[float, Variant]] | tuple[()]) -> None:
        """Move the pointer. From here on every new call goes there."""
        self.traffic = [(share, variant) for share, variant in traffic if share > 0]
        self.fleet.routes_changed()
        if self.door is not None:
            self.door.changed()

    def _retire_others(self) -> None:
        kept = {variant.key for _, variant in self.traffic}
        for variant in [variant for key, variant in self.variants.items() if key not in kept]:
            self._drop(variant)

    def _drop(self, variant: Variant) -> None:
        """Let a revision finish what it has, beside whatever else happens, and forget it."""
        self.variants.pop(variant.key, None)
        self.fleet.journal.forget(self.spec.name, variant.key)
        self.leaving[variant] = asyncio.get_running_loop().create_task(self._leave(variant))

    async def _leave(self, variant: Variant) -> None:
        await variant.retire(self.hand_over)
        self.past.add(variant.deployed.endpoint)
        del self.leaving[variant]

    def recovered(self, variant: Variant) -> None:
        """A replica runs after all, where the only revision could not start."""
        if self.state == "failed" and [variant] == [other for _, other in self.traffic] and self.text == variant.text:
            variant.prove()
            self._settle(self.spec)

    def _settle(self, spec: EndpointSpec) -> None:
        self.generation = spec.generation
        self.state, self.text = "stable", ""
        what = "removed" if self.removed else "paused" if spec.paused else "serving"
        self.fleet.event(spec.name, "rollout", f"The endpoint is {what}.", generation=spec.generation)

    def _fail(self, spec: EndpointSpec, text: str) -> None:
        self.generation = spec.generation
        self.state, self.text = "failed", text
        self.fleet.event(spec.name, "rollout_failed", text, generation=spec.generation)
        self.fleet.routes_changed()

    async def _watch_split(self, spec: EndpointSpec, wanted: list[tuple[float, Variant]]) -> None:
        """Give all traffic to the older revisions when the newest one fails too often."""
        newest = wanted[-1][1]
        before = answers(newest.deployed.endpoint.routes)
        assert spec.abort_error_rate is not None
        while not self._changed.is_set():
            total, errors = (
                now - then for now, then in zip(answers(newest.deployed.endpoint.routes), before, strict=True)
            )
            if total >= ABORT_AFTER and errors / total > spec.abort_error_rate:
                self._point(wanted[:-1])
                self._fail(spec, f"The split was ended: {errors} of {total} answers of {newest.digest} were errors.")
                self._retire_others()
                return
            try:
                await asyncio.wait_for(self._changed.wait(), WATCH_S)
            except TimeoutError:
                pass

    def subject(self, labels: dict[str, str]) -> Subject:
        """What the metrics tell of this endpoint, over all its revisions."""
        variants = [*self.variants.values(), *self.leaving]
        endpoints = [variant.deployed.endpoint for variant in variants]
        counts = [variant.deployed.pool.counts() for variant in variants]
        total = Counts(*(sum(values) for values in zip(*map(astuple, counts), strict=True))) if counts else Counts()
        counts_of_jobs = self.door.counts if self.door is not None else None
        decisions = self.fleet.decisions[self.spec.name]
        return Subject(labels, self.past.with_live(endpoints), endpoints, total, decisions, counts_of_jobs)

    # -- the end

    def fail_waiting(self) -> None:
        """Refuse what waits."""
        for variant in self.variants.values():
            variant.deployed.endpoint.fail_waiting("unavailable", "The server is shutting down. Try again.")

    async def stop(self, grace_s: float) -> None:
        """End all replicas."""
        self._task.cancel()
        all_of_them = [*self.variants.values(), *self.leaving]
        ends = [variant.stop(grace_s) for variant in all_of_them]
        await asyncio.gather(*ends, *(solo.end() for solo in list(self._solos)))


def _revision(spec: EndpointSpec, digest: str) -> Revision:
    for revision in spec.revisions:
        if revision.digest == digest:
            return revision
    raise LookupError(f"the traffic of {spec.name} names the revision {digest}, which is not there")
