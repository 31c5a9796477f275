"""The actors that hold replicas: what the agent does on the cluster.

Needs the standard library alone; Ray is handed to it. Each method that is named in a line of JSON is called in a thread
of its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Any

from placing import Placing
from sayings import Refused, Unavailable, is_own, last_line, quietly, reason_of, shown, wanted_of
from spares import PREFIX, Spare, Spares

ENDED = "The replica was ended while it was started."
PATIENCE_S = 10.0
"""After this it is said that a replica waits for room."""
PLAIN = {"num_cpus", "memory", "resources"}
"""What can be set aside for an actor that has none of its own. Which GPU it has, Ray says to none but that which asked
for one; and a `runtime_env` is set up for a process of its own."""


class Actors:
    """One for each agent. `say` tells the server something."""

    def __init__(self, ray: Any, cells: Any, say: Callable[..., None], *, spares: int = 0, grows: bool = False) -> None:
        self.ray = ray
        self.cells = cells
        self.say = say
        self.placing = Placing(ray)
        self.spares = Spares(ray, self._make_spare, count=spares, stay=not grows)
        self.actors: dict[str, Any] = {}
        self.kept: dict[str, str] = {}  # names of actors that are not those of their replicas
        self.taken: dict[str, Spare] = {}
        self.archives: dict[str, Any] = {}
        self.ended: set[str] = set()

    # -- what the server asks for

    def check(self, options: dict[str, Any], grows: bool, strategy: str) -> bool:
        """Refuse what no node of the cluster has."""
        self.placing.check(options, grows, strategy)
        return True

    def start(
        self,
        name: str,
        options: dict[str, Any],
        strategy: str,
        grows: bool,
        order: dict[str, Any],
        timeout_s: float,
        archive: str | None = None,
    ) -> dict[str, Any]:
        """Start a replica in an actor of its own: one that waits for it, or a new one."""
        try:
            if name not in self.actors:
                self.placing.check(options, grows, strategy)
                waiting = self.spares.nodes if options.keys() <= PLAIN else ()
                nodes = self.placing.find(name, options, strategy, waiting)
                self._take(name, options, nodes)
            blob = self._archive(order["digest"], archive) if archive else None
            answer = self._wake(name, options, order, blob) if name in self.taken else None
            if answer is None:
                nodes = self.placing.find(name, options, strategy)
                actor = self._actor(name, options, strategy, nodes)
                self._wait(actor.here.remote(), name, options, timeout_s)
                answer = self._wait(actor.begin.remote(order, blob), "", options, timeout_s)
        except BaseException:
            self._kill(name)
            raise
        if "failed" in answer:
            self._kill(name)
            raise Refused(answer["failed"])
        if name not in self.actors:
            raise Unavailable(ENDED)
        if "port" in answer:
            node = answer["node"]["id"]
            self.placing.homes.settle(name, node)
            self.spares.began(node, answer["python"], spare=name in self.taken)
            self._follow(name, self.actors[name])
            answer["actor"] = self.taken[name].name if name in self.taken else name
        return answer

    def _take(self, name: str, options: dict[str, Any], nodes: list[str]) -> None:
        """Have a spare actor, if one is there for it."""
        if options.keys() <= PLAIN and (spare := self.spares.take(nodes)) is not None:
            self.taken[name] = spare
            self.actors[name] = spare.actor
            self.placing.homes.settle(name, spare.node)  # another may have taken the one on the best node

    def _wake(self, name: str, options: dict[str, Any], order: dict[str, Any], blob: Any) -> dict[str, Any] | None:
        """Begin in a spare actor. It is let go where the node has no room by now, or where it is gone: None."""
        spare = self.taken[name]
        answer: dict[str, Any] | None = None
        with contextlib.suppress(self.ray.exceptions.RayError):
            answer = self.ray.get(spare.actor.begin.remote(order, blob, wanted_of(options)))
        if answer is not None and "full" not in answer:
            return answer
        if self.taken.pop(name, None) is not spare:
            raise Unavailable(ENDED)
        del self.actors[name]
        if answer is None:
            self.spares.kill(spare.actor)
        else:
            self.spares.back(spare)
        return None

    def _actor(self, name: str, options: dict[str, Any], strategy: str, nodes: list[str]) -> Any:
        if name not in self.actors:
            scheduling = self.placing.scheduling(strategy, nodes)
            self.actors[name] = self._make(name, scheduling_strategy=scheduling, **options)
        return self.actors[name]

    def _make(self, name: str, **options: Any) -> Any:
        made = self.ray.remote(self.cells.Cell).options(
            name=name, lifetime="detached", max_restarts=0, max_concurrency=8, **options
        )
        return made.remote()

    def _make_spare(self, name: str, node: str) -> Any:
        return self._make(name, scheduling_strategy=self.placing.affinity(node), num_cpus=0)

    def _wait(self, ref: Any, name: str, options: dict[str, Any], timeout_s: float) -> Any:
        ray = self.ray
        ready, _ = ray.wait([ref], timeout=min(PATIENCE_S, timeout_s))
        if not ready and name:
            free = ray.available_resources()
            wanted = wanted_of(options)
            short = [shown(each, amount) for each, amount in wanted.items() if free.get(each, 0) < amount]
            what = ", ".join(short) or "a process"
            self.say(event="note", name=name, kind="ray_waits", text=f"A replica waits for {what} on the Ray cluster.")
        if not ready:
            ready, _ = ray.wait([ref], timeout=max(0.0, timeout_s - PATIENCE_S))
        if not ready:
            raise Unavailable(f"The Ray cluster had no room for the replica within {timeout_s:g} s.")
        try:
            return ray.get(ref)
        except ray.exceptions.RuntimeEnvSetupError as error:
            raise Refused(f"Ray could not set up ray_runtime_env on the node: {last_line(error)}") from None
        except ray.exceptions.ActorUnschedulableError as error:
            raise Refused(f"Ray cannot place the replica: {last_line(error)}") from None
        except ray.exceptions.RayActorError as error:
            text = str(error)
            if "runtime_env" in text or "runtime env" in text.lower():
                raise Refused(f"Ray could not set up ray_runtime_env on the node: {last_line(error)}") from None
            raise Unavailable(f"The actor of the replica ended: {reason_of(error)}") from None
        except ray.exceptions.RayError as error:
            raise Unavailable(f"Ray could not start the replica: {last_line(error)}") from None

    def _archive(self, digest: str, path: str) -> Any:
        if digest not in self.archives:
            with open(path, "rb") as file:
                self.archives = {digest: self.ray.put(file.read())}  # one at a time: a store is small
        return self.archives[digest]

    def end(self, name: str, actor: str = "") -> bool:
        """End a replica: its actor too, unless that is a spare one. Nothing happens where it has gone."""
        if actor and name not in self.actors:
            self.kept[name] = actor
        if name in self.taken:
            self.ended.add(name)
            self._let_go(name)
        else:
            self._kill(name)
        return True

    def _kill(self, name: str) -> None:
        self.ended.add(name)
        actor = self.actors.get(name) or self._found(name)
        self.taken.pop(name, None)
        self._forget(name)
        if actor is not None:
            self.ray.kill(actor, no_restart=True)

    def _let_go(self, name: str) -> None:
        """Its replica has ended, or has to; a spare actor waits for another one."""
        actor, spare = self.actors.get(name), self.taken.pop(name, None)
        self._forget(name)
        if spare is not None:
            self.spares.back(spare)
        elif actor is not None:
            threading.Thread(target=quietly, args=(self.ray.kill, actor), daemon=True).start()

    def _forget(self, name: str) -> None:
        self.actors.pop(name, None)
        self.kept.pop(name, None)
        node, left = self.placing.homes.leave(name)
        if node:
            self.spares.ended(node, left)

    def _found(self, name: str) -> Any:
        try:
            return self.ray.get_actor(self.kept.get(name, name))
        except ValueError:
            return None

    def clear(self, keep: Iterable[str] = ()) -> list[str]:
        """End what a server before this one has left. Spare actors are no news."""
        ours = {*keep, *self.actors, *self.kept.values(), *self.spares.names, *(s.name for s in self.taken.values())}
        left = [name for name in self.ray.util.list_named_actors() if name not in ours]
        for name in left:
            self._kill(name)
        return [name for name in left if not name.startswith(PREFIX)]

    # -- what happens

    def adopt(self, keep: dict[str, tuple[str, str]]) -> None:
        """Follow actors that were started by an agent before this one: replicas, their actors' names, and their nodes.
        Spare ones that it has left are ended."""
        for name, (its, node) in keep.items():
            self.kept[name] = its
            actor = self._found(name)
            if actor is None:
                del self.kept[name]
                text = "its actor is gone: the Ray cluster was restarted, or it was killed"
                self.say(event="lost", name=name, text=text, own=False)
            else:
                self.actors[name] = actor
                self.placing.homes.settle(name, node)
                self._follow(name, actor)
        for each in self.ray.util.list_named_actors():
            if each.startswith(PREFIX) and each not in self.kept.values():
                self._kill(each)

    def _follow(self, name: str, actor: Any) -> None:
        def ended(future: Any) -> None:
            if name in self.ended:
                self.ended.discard(name)
                return
            error = future.exception()
            if error is None:
                status = future.result()
                text = f"its process was killed by signal {-status}" if status < 0 else f"it ended with status {status}"
                self._let_go(name)
            else:
                text = reason_of(error)
                self.taken.pop(name, None)
                self._forget(name)
            self.say(event="lost", name=name, text=text, own=error is None or is_own(error))

        actor.ended.remote().future().add_done_callback(ended)

    def look(self) -> None:
        """Tell of nodes that are gone; where one will be, let its replicas finish what they have, and begin no more."""
        gone, leaving = self.placing.look()
        for node in leaving:
            self.spares.drop(node)
            self.say(event="node_leaves", node=node)
            for name in self.placing.homes.on(node):
                if name in self.actors:
                    self.actors[name].leave.remote()
        for node in gone:
            self.spares.drop(node)
            self.say(event="node_lost", node=node)
