"""Who is measured when: every system once in every round, so that what changes with time changes for all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from bench.records import BenchError, Failure, Peer, Sample, Settings
from bench.servers import READY_S, Server, started, wait_ready
from bench.workloads.base import Measured, Variant, Workload

LATER_READY_S = 15.0
"""How long a server that already answers one thing may take to answer the next."""


class Rounds:
    """Runs the rounds and keeps what was seen, also when it is interrupted."""

    def __init__(
        self, settings: Settings, workloads: Sequence[Workload], peers: Sequence[Peer], cores: set[int]
    ) -> None:
        self.settings = settings
        self.peers = peers
        self.all_cores = cores
        self.groups = groups(workloads)
        self.samples: list[Sample] = []
        self.failures: list[Failure] = []
        self.round = 0

    def run(self) -> None:
        """Go through all of it. What a system failed in, it is not asked again."""
        for number in range(1, self.settings.rounds + 1):
            self.round = number
            for group in self.groups:
                for peer in rotated([peer for peer in self.peers if takes_part(peer, group)], number - 1):
                    self._measure_peer(group, peer)
                for workload in group:
                    for name, measure in workload.extra.items():
                        self._measure_extra(workload, name, measure)

    def _measure_extra(self, workload: Workload, name: str, measure: Callable[[Settings], Measured]) -> None:
        variant = workload.extra_variant
        if self._failed(name, workload, variant):
            return
        try:
            self._keep(workload, variant, name, measure(self.settings))
        except (BenchError, OSError) as error:
            self._fail(workload, variant, name, str(error))

    def _measure_peer(self, group: Sequence[Workload], peer: Peer) -> None:
        wanted = [pair for pair in asked(group, peer) if not self._failed(peer.name, *pair)]
        if not wanted:
            return
        try:
            self._serve(group, peer, wanted)
        except OSError as error:
            for workload, variant in wanted:
                self._fail(workload, variant, peer.name, f"it could not be started: {error}")

    def _serve(self, group: Sequence[Workload], peer: Peer, wanted: Sequence[tuple[Workload, Variant]]) -> None:
        cores = {self.settings.server_core} if group[0].pinned else self.all_cores
        if not group[0].shared and self.round == 1:
            # The first start of all reads files from the disk and compiles them: it is nobody's figure.
            with started(peer, group[0].task, cores) as server, suppress(BenchError):
                self._ready(server, wanted[0][1], READY_S)
        with started(peer, group[0].task, cores) as server:
            for at, (workload, variant) in enumerate(wanted):
                try:
                    if workload.shared:
                        self._ready(server, variant, LATER_READY_S if at else READY_S)
                    self._keep(workload, variant, peer.name, variant.measure(server, self.settings))
                except (BenchError, OSError) as error:
                    self._fail(workload, variant, peer.name, str(error))

    def _ready(self, server: Server, variant: Variant, limit_s: float) -> None:
        """One correct answer right before the window, or its figures mean nothing."""
        wait_ready(server, server.peer.calls[variant.call], variant.value, variant.expected, limit_s=limit_s)

    def _failed(self, system: str, workload: Workload, variant: Variant) -> bool:
        return any(
            (failure.system, failure.workload, failure.variant) == (system, workload.name, variant.name)
            for failure in self.failures
        )

    def _fail(self, workload: Workload, variant: Variant, system: str, why: str) -> None:
        self.failures.append(
            Failure(workload=workload.name, variant=variant.name, system=system, round=self.round, why=why)
        )
        self._say(f"{workload.name} {variant.name} · {system} failed: {why.splitlines()[0]}")

    def _keep(self, workload: Workload, variant: Variant, system: str, measured: Measured) -> None:
        values, quiet = measured
        sample = Sample(
            workload=workload.name, variant=variant.name, system=system, round=self.round, values=values, quiet=quiet
        )
        self.samples.append(sample)
        metric = workload.main
        told = f"{values[metric.name]:,.{metric.digits}f} {metric.unit}"
        noise = "" if quiet else f"  (others used {values['foreign_cores']:.2f} of a core)"
        errors = f"  {values['errors']:.0f} errors" if values.get("errors") else ""
        self._say(f"{workload.name}{' ' if variant.name else ''}{variant.name} · {system} · {told}{errors}{noise}")

    def _say(self, text: str) -> None:
        print(f"[{self.round}/{self.settings.rounds}] {text}", file=sys.stderr, flush=True)


def groups(workloads: Sequence[Workload]) -> list[tuple[Workload, ...]]:
    """Neighbours of one task share the start of a server."""

    def key(workload: Workload) -> tuple[str, bool, str]:
        return workload.task, workload.pinned, "" if workload.shared else workload.name

    return [tuple(group) for _, group in groupby(workloads, key)]


def asked(group: Sequence[Workload], peer: Peer) -> Iterator[tuple[Workload, Variant]]:
    """What a peer can be asked of a group."""
    for workload in group:
        for variant in workload.variants:
            if variant.call in peer.calls:
                yield workload, variant


def takes_part(peer: Peer, group: Sequence[Workload]) -> bool:
    """Whether a peer can do any of it."""
    return any(True for _ in asked(group, peer))


def rotated(peers: Sequence[Peer], by: int) -> list[Peer]:
    """The peers beginning at another one in every round: nobody always comes first."""
    at = by % len(peers) if peers else 0
    return [*peers[at:], *peers[:at]]
