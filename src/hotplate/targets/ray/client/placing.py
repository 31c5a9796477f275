"""Which nodes the cluster has, whether one of them could hold a replica, and which one is best.

Needs the standard library alone; Ray is handed to it.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

from homes import Homes
from sayings import Refused, Unavailable, shown, wanted_of


class Placing:
    """One for each agent."""

    def __init__(self, ray: Any) -> None:
        self.homes = Homes()
        self._ray = ray
        self._nodes: dict[str, Any] = {}
        self._leaving: set[str] = set()

    def look(self) -> tuple[set[str], set[str]]:
        """See which nodes there are. Gives those that are gone since the last look, and those that will be."""
        before, self._nodes = self._nodes, {node["NodeID"]: node for node in self._alive()}
        known, self._leaving = self._leaving, self._draining() & self._nodes.keys()
        self.homes.look({name: node for name, node in self._nodes.items() if name not in self._leaving})
        return before.keys() - self._nodes.keys(), self._leaving - known

    def _draining(self) -> set[str]:
        """Nodes whose end was announced: a cloud takes them back, or an autoscaler has no use for them."""
        try:
            return set(self._ray._private.state.state.get_draining_nodes())
        except Exception:  # noqa: BLE001 - through `ray://`, and by other versions, that is not told
            return set()

    def check(self, options: dict[str, Any], grows: bool, strategy: str) -> None:
        """Refuse what no node of the cluster has."""
        nodes = self._alive()
        if not nodes:
            raise Unavailable("The Ray cluster has no node that is alive.")
        self.pinned(strategy)
        wanted = wanted_of(options)
        if grows or any(all(node["Resources"].get(name, 0) >= n for name, n in wanted.items()) for node in nodes):
            return
        most = {name: max(node["Resources"].get(name, 0) for node in nodes) for name in wanted}
        lacking = [name for name, amount in wanted.items() if most[name] < amount]
        texts = [f"{shown(name, wanted[name])} (the most that one has: {shown(name, most[name])})" for name in lacking]
        what = " and ".join(texts) or " with ".join(shown(name, amount) for name, amount in wanted.items())
        raise Refused(
            f"No node of the Ray cluster has {what}. Change `hardware`, add a node, or set ray_grows where an "
            "autoscaler adds nodes."
        )

    def find(self, name: str, options: dict[str, Any], strategy: str, waiting: Collection[str] = ()) -> list[str]:
        """Nodes that should have room for it, the best first: of those that there are now, which may be new."""
        leaving = self._leaving
        self.homes.look({node["NodeID"]: node for node in self._alive() if node["NodeID"] not in leaving})
        return self.homes.find(name, wanted_of(options), strategy, self.pinned(strategy), waiting)

    def pinned(self, strategy: str) -> str:
        """The node that a strategy `node:NODE` names. Raises Refused where there is none."""
        if not strategy.startswith("node:"):
            return ""
        wanted = strategy.partition(":")[2]
        alive = self._alive()
        for node in alive:
            names = (node["NodeID"], node["NodeManagerAddress"], node.get("NodeManagerHostname"), node.get("NodeName"))
            if wanted in names or (len(wanted) >= 8 and node["NodeID"].startswith(wanted)):
                return node["NodeID"]
        there = ", ".join(f"{node['NodeID'][:8]} ({node['NodeManagerAddress']})" for node in alive)
        raise Refused(f"The Ray cluster has no node {wanted!r} (ray_placement). There are: {there}.")

    def scheduling(self, strategy: str, nodes: list[str]) -> Any:
        """What an actor is scheduled by. Spread means: on the node with the fewest of ours, if it has room."""
        if strategy.startswith("node:"):
            return self.affinity(self.pinned(strategy))
        if strategy == "pack":
            return "DEFAULT"
        if nodes:
            return self.affinity(nodes[0], soft=True, _spill_on_unavailable=True)
        return "SPREAD"

    @staticmethod
    def affinity(node: str, *, soft: bool = False, **more: Any) -> Any:
        """To that node."""
        strategies: Any = importlib.import_module("ray.util.scheduling_strategies")
        return strategies.NodeAffinitySchedulingStrategy(node_id=node, soft=soft, **more)

    def _alive(self) -> list[Any]:
        return [node for node in self._ray.nodes() if node["Alive"]]
