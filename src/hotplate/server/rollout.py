"""The revisions of an endpoint that are in service, their shares of the traffic, and how one takes over from another.

A new revision's replicas are ready before it gets a call. Then the pointer moves, and the old revision's replicas end
when they have answered what they have. A revision that cannot start changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from hotplate.deployment.records import EndpointSpec, Revision
from hotplate.server.totals import Totals, answers
from hotplate.server.variant import Variant, variant_key

if TYPE_CHECKING:
    from hotplate.server.served import Served

RolloutState = Literal["stable", "rolling", "failed"]

ABORT_AFTER = 20
"""Answers that a new revision must have given before its errors end a split."""
WATCH_S = 0.5


class Rollout:
    """Makes what is so what is wanted of one endpoint. `traffic` is where new calls go."""

    def __init__(self, served: Served) -> None:
        self.variants: dict[str, Variant] = {}
        self.leaving: dict[Variant, asyncio.Task[None]] = {}
        self.traffic: list[tuple[float, Variant]] = []
        self.state: RolloutState = "rolling"
        self.text = ""
        self.generation = 0
        self.past = Totals()
        self._served = served
        self._fleet = served.fleet
        self._changed = asyncio.Event()
        self._changed.set()
        self._task: asyncio.Task[None] | None = None

    def running(self) -> list[Variant]:
        """All that have replicas, or will: those that are on their way out too."""
        return [*self.variants.values(), *self.leaving]

    def begin(self, spec: EndpointSpec) -> None:
        """Serve this, and from now on what the endpoint says."""
        self.open(spec)
        self._task = asyncio.get_running_loop().create_task(self._follow())

    def wake(self) -> None:
        """Something else is wanted."""
        self._changed.set()

    def call_off(self) -> None:
        """Change nothing any more."""
        if self._task is not None:
            self._task.cancel()

    def open(self, spec: EndpointSpec) -> None:
        """Where nothing is served yet, take calls at once: they wait for the first replica."""
        if self.traffic or spec.paused:
            return
        try:
            self._point(self._wanted(spec))
        except Exception as error:  # noqa: BLE001 - one endpoint's trouble is not the others'
            self._fail(spec, f"The endpoint cannot be served: {error}")

    def _wanted(self, spec: EndpointSpec) -> list[tuple[float, Variant]]:
        return [(share.percent, self._variant(spec, _revision(spec, share.revision))) for share in spec.traffic]

    async def _follow(self) -> None:
        """Make what is so what is wanted, whenever that changes, until the endpoint is gone."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._step(self._served.spec)
            except Exception as error:  # noqa: BLE001 - one endpoint's trouble is not the others'
                self._fail(self._served.spec, f"The endpoint could not be changed: {error}")
                self._fleet.loop.call_exception_handler(
                    {"message": f"endpoint {self._served.spec.name}", "exception": error}
                )
            if self._served.removed and not self._changed.is_set():
                await self._left()
                if not self._changed.is_set():
                    self._served.memory.close()
                    self._fleet.gone(self._served)
                    return

    async def _left(self) -> None:
        """Wait until all that was in service has ended, or something else is wanted."""
        changed = asyncio.ensure_future(self._changed.wait())
        while self.leaving and not changed.done():
            await asyncio.wait((changed, *self.leaving.values()), return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()

    async def _step(self, spec: EndpointSpec) -> None:
        if self._served.removed or spec.paused:
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
            self._fleet.event(spec.name, "rollout", "A new revision is being started.", revision=fresh[-1].digest)
        busy = max((variant.running for _, variant in self.traffic), default=0)
        # Beside an older revision a new one has to show that it runs, even where nothing is to run for long; and so has
        # one that was tried before in vain.
        again = [variant.forgive() for variant in fresh]
        for variant in fresh:
            trouble = await self._check(variant)
            if self._changed.is_set() and spec is not self._served.spec:
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
            if self._changed.is_set() and spec is not self._served.spec:
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
            variant = self.variants[key] = Variant(key, spec, revision, self._served)
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
        self._fleet.routes_changed()
        if self._served.door is not None:
            self._served.door.changed()

    def _retire_others(self) -> None:
        kept = {variant.key for _, variant in self.traffic}
        for variant in [variant for key, variant in self.variants.items() if key not in kept]:
            self._drop(variant)

    def _drop(self, variant: Variant) -> None:
        """Let a revision finish what it has, beside whatever else happens, and forget it."""
        self.variants.pop(variant.key, None)
        self._fleet.journal.forget(self._served.spec.name, variant.key)
        self.leaving[variant] = asyncio.get_running_loop().create_task(self._leave(variant))

    async def _leave(self, variant: Variant) -> None:
        await variant.retire(self._served.hand_over)
        self.past.add(variant.deployed.endpoint)
        del self.leaving[variant]

    def recovered(self, variant: Variant) -> None:
        """A replica runs after all, where the only revision could not start."""
        if self.state == "failed" and [variant] == [other for _, other in self.traffic] and self.text == variant.text:
            variant.prove()
            self._settle(self._served.spec)

    def _settle(self, spec: EndpointSpec) -> None:
        self.generation = spec.generation
        self.state, self.text = "stable", ""
        what = "removed" if self._served.removed else "paused" if spec.paused else "serving"
        self._fleet.event(spec.name, "rollout", f"The endpoint is {what}.", generation=spec.generation)

    def _fail(self, spec: EndpointSpec, text: str) -> None:
        self.generation = spec.generation
        self.state, self.text = "failed", text
        self._fleet.event(spec.name, "rollout_failed", text, generation=spec.generation)
        self._fleet.routes_changed()

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


def _revision(spec: EndpointSpec, digest: str) -> Revision:
    for revision in spec.revisions:
        if revision.digest == digest:
            return revision
    raise LookupError(f"the traffic of {spec.name} names the revision {digest}, which is not there")
