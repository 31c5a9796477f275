"""Actors that wait on nodes for a replica to come: no process of Ray's nor one of Hotplate's need be started then.

A spare one has no resources, so it takes nothing from the cluster while it waits; what its replica is to have is set
aside when it is used (`cell.py`). When that replica ends it waits again. Needs the standard library alone.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sayings import quietly

PREFIX = "hotplate-spare-"
SOON_S = 2.0
"""How long after a replica's start a spare actor is made: until then the machine has something better to do."""
BACK_S = 20.0
"""The same after a start in a spare one, which may be back by then: to make another one costs a second of a core."""
WARM_S = 120.0


Later = Callable[[float, Callable[[Any], object], Any], None]


class Spare(NamedTuple):
    """An actor that waits, by its name."""

    name: str
    actor: Any
    node: str


class Spares:
    """`count` on each node on which replicas were started. `make(name, node)` makes an actor without resources;
    `later(seconds, what, word)` calls something in a thread.

    With `stay` they stay on a node that has no replica any more; else an autoscaler could not let it go.
    """

    def __init__(
        self, ray: Any, make: Callable[[str, str], Any], *, count: int, stay: bool, later: Later | None = None
    ) -> None:
        self.count = count
        self.stay = stay
        self._ray = ray
        self._make = make
        self._later = later or _later
        self._waiting: dict[str, deque[Spare]] = {}
        self._pythons: dict[str, str] = {}
        self._making: set[str] = set()
        self._lock = threading.Lock()

    @property
    def names(self) -> set[str]:
        """Of those that wait."""
        with self._lock:
            return {spare.name for spares in self._waiting.values() for spare in spares}

    @property
    def nodes(self) -> set[str]:
        """Where one waits."""
        with self._lock:
            return {node for node, spares in self._waiting.items() if spares}

    def take(self, nodes: Iterable[str]) -> Spare | None:
        """One on the first of these nodes that has one."""
        with self._lock:
            for node in nodes:
                if self._waiting.get(node):
                    return self._waiting[node].popleft()
        return None

    def began(self, node: str, python: str, *, spare: bool = False) -> None:
        """A replica was started there, by this interpreter, perhaps in a spare one: they are kept there from now on."""
        if not python or not self.count:
            return
        with self._lock:
            self._pythons[node] = python
        self._later(BACK_S if spare else SOON_S, self._fill, node)

    def ended(self, node: str, left: int) -> None:
        """A replica there has ended, and so many are left."""
        if not left and not self.stay:
            self.drop(node)

    def back(self, spare: Spare) -> None:
        """Its replica has ended: it waits again, unless there are enough."""
        with self._lock:
            waiting = self._waiting.setdefault(spare.node, deque())
            wanted = spare.node in self._pythons and len(waiting) < self.count
            if wanted:
                waiting.append(spare)
        if wanted:
            spare.actor.rest.remote()  # a replica that is begun meanwhile comes after that
        else:
            self.kill(spare.actor)

    def drop(self, node: str) -> None:
        """Have none on a node any more, which may be gone."""
        with self._lock:
            spares = self._waiting.pop(node, ())
            self._pythons.pop(node, None)
        for spare in spares:
            self.kill(spare.actor)

    def _fill(self, node: str) -> None:
        with self._lock:
            if node in self._making:
                return
            self._making.add(node)
        try:
            while (python := self._missing(node)) is not None:
                name = f"{PREFIX}{uuid.uuid4().hex[:12]}"
                spare = Spare(name, self._make(name, node), node)
                warm = self._ray.get(spare.actor.warm.remote(python), timeout=WARM_S)
                with self._lock:
                    kept = warm and node in self._pythons
                    if kept:
                        self._waiting.setdefault(node, deque()).append(spare)
                if not kept:
                    return self.kill(spare.actor)
        finally:
            with self._lock:
                self._making.discard(node)

    def _missing(self, node: str) -> str | None:
        """The interpreter of one more, if there are too few."""
        with self._lock:
            return self._pythons.get(node) if len(self._waiting.get(node, ())) < self.count else None

    def kill(self, actor: Any) -> None:
        """End an actor, or try to."""
        self._later(0.0, self._ray.kill, actor)


def _later(seconds: float, what: Callable[[Any], object], word: Any) -> None:
    timer = threading.Timer(seconds, quietly, (what, word))
    timer.daemon = True
    timer.start()
