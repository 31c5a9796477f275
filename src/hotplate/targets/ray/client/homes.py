"""On which node each replica of ours lives, and to which one the next is best brought. The standard library alone.

Ray knows what the whole cluster uses, and decides; what is known here says where to look for a spare actor first.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any, NamedTuple

TINY = 1e-6


class Home(NamedTuple):
    """A node, and what a replica has of it."""

    node: str
    wanted: dict[str, float]


class Homes:
    """`look(nodes)` is told of the nodes that are alive, as `ray.nodes()` has them."""

    def __init__(self) -> None:
        self._homes: dict[str, Home] = {}
        self._nodes: dict[str, Any] = {}
        self._lock = threading.Lock()

    def look(self, nodes: dict[str, Any]) -> None:
        """These are alive."""
        with self._lock:
            self._nodes = nodes

    def find(
        self, name: str, wanted: dict[str, float], strategy: str, only: str = "", waiting: Collection[str] = ()
    ) -> list[str]:
        """Nodes on which there should be room, the best first. It counts as living on that from now on.

        Of those that are equally good, one where an actor is `waiting` comes first: else a replica that is begun in
        that actor would count on another node until it has begun, and the next be brought to the node that it is on.
        """
        with self._lock:
            self._homes.pop(name, None)
            ours = {node: [home for home in self._homes.values() if home.node == node] for node in self._nodes}
            found = [node for node in self._nodes if only in ("", node) and self._has_room(node, wanted, ours[node])]
            counts = {node: len(ours[node]) for node in found}
            if strategy == "pack":
                found.sort(key=lambda node: (-counts[node], node not in waiting))
            elif found:
                found = [node for node in found if counts[node] == min(counts.values())]
                found.sort(key=lambda node: node not in waiting)
            if found:
                self._homes[name] = Home(found[0], wanted)
            return found

    def settle(self, name: str, node: str, wanted: dict[str, float] | None = None) -> None:
        """It lives there."""
        with self._lock:
            had = self._homes.get(name)
            self._homes[name] = Home(node, wanted or (had.wanted if had is not None else {}))

    def on(self, node: str) -> list[str]:
        """Those that live there."""
        with self._lock:
            return [name for name, home in self._homes.items() if home.node == node]

    def leave(self, name: str) -> tuple[str, int]:
        """It is gone. Gives the node that it lived on, or nothing, and how many are left there."""
        with self._lock:
            home = self._homes.pop(name, None)
            if home is None:
                return "", 0
            return home.node, sum(each.node == home.node for each in self._homes.values())

    def _has_room(self, node: str, wanted: dict[str, float], ours: list[Home]) -> bool:
        has = self._nodes[node]["Resources"]
        return all(
            has.get(name, 0) - sum(home.wanted.get(name, 0) for home in ours) >= amount - TINY
            for name, amount in wanted.items()
        )
