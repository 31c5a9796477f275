"""To which node of a Ray cluster the next replica is best brought, and where an actor waits for it."""

from __future__ import annotations

from typing import Any

import pytest
from homes import Homes
from spares import Spares


def nodes(**cpus: float) -> dict[str, Any]:
    return {name: {"Resources": {"CPU": count}} for name, count in cpus.items()}


@pytest.fixture
def homes() -> Homes:
    found = Homes()
    found.look(nodes(a=2, b=4, c=1))
    return found


def test_spread_means_where_the_fewest_are(homes):
    assert homes.find("1", {"CPU": 1}, "spread") == ["a", "b", "c"]
    assert homes.find("2", {"CPU": 1}, "spread") == ["b", "c"]
    assert homes.find("3", {"CPU": 1}, "spread") == ["c"]
    assert homes.find("4", {"CPU": 1}, "spread") == ["a", "b"], "c is full"
    homes.leave("2")
    assert homes.find("5", {"CPU": 1}, "spread") == ["b"]


def test_a_node_where_an_actor_waits_comes_first_among_equals(homes):
    assert homes.find("1", {"CPU": 1}, "spread", waiting={"b"}) == ["b", "a", "c"]
    assert homes.find("2", {"CPU": 1}, "spread", waiting={"b"}) == ["a", "c"], "it lives where that actor is"
    assert homes.find("3", {"CPU": 1}, "pack", waiting={"a"})[0] == "a"


def test_pack_means_where_the_most_are(homes):
    homes.settle("1", "b", {"CPU": 1})
    assert homes.find("2", {"CPU": 1}, "pack")[0] == "b"


def test_what_fits_nowhere_is_left_to_ray(homes):
    assert homes.find("1", {"CPU": 8}, "spread") == []
    assert homes.leave("1") == ("", 0)


def test_asking_twice_for_one_takes_no_room_twice(homes):
    homes.look(nodes(c=1))
    assert homes.find("1", {"CPU": 1}, "spread") == ["c"]
    assert homes.find("1", {"CPU": 1}, "spread") == ["c"]
    assert homes.find("2", {"CPU": 1}, "spread") == []


def test_a_node_may_be_named(homes):
    assert homes.find("1", {"CPU": 1}, "node:b", "b") == ["b"]
    assert homes.leave("1") == ("b", 0)


class Method:
    def __init__(self, answer: Any, said: list[str], word: str) -> None:
        self.answer, self.said, self.word = answer, said, word

    def remote(self, *_: Any) -> Any:
        self.said.append(self.word)
        return self.answer


class Actor:
    def __init__(self, warm: bool) -> None:
        self.said: list[str] = []
        self.warm = Method(warm, self.said, "warm")
        self.rest = Method(None, self.said, "rest")


class Ray:
    def __init__(self) -> None:
        self.killed: list[Any] = []

    def get(self, ref: Any, timeout: float) -> Any:
        return ref

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


class Rig:
    def __init__(self, *, count: int = 1, stay: bool = True, warm: bool = True) -> None:
        self.ray = Ray()
        self.made: list[Actor] = []

        def make(name: str, node: str) -> Actor:
            self.made.append(Actor(warm))
            return self.made[-1]

        self.waits: list[float] = []

        def later(seconds: float, what: Any, word: Any) -> None:
            self.waits.append(seconds)
            what(word)

        self.spares = Spares(self.ray, make, count=count, stay=stay, later=later)


def test_one_waits_where_a_replica_was_begun_and_again_when_its_own_has_ended():
    rig = Rig()
    assert rig.spares.take(["a"]) is None
    rig.spares.began("a", "/python")
    assert rig.spares.nodes == {"a"}
    assert rig.spares.take(["b"]) is None
    spare = rig.spares.take(["b", "a"])
    assert spare is not None
    assert rig.spares.take(["a"]) is None
    assert not rig.spares.nodes
    rig.spares.back(spare)
    assert spare.actor.said == ["warm", "rest"]
    assert rig.spares.take(["a"]) == spare
    before = max(rig.waits)
    rig.spares.began("a", "/python", spare=True)
    assert rig.waits[-1] > before, "it is waited for longer: it may be back soon"
    rig.spares.back(spare)
    assert rig.ray.killed == [spare.actor], "there is one that waits by now"
    assert len(rig.made) == 2


def test_none_wait_on_a_node_that_an_autoscaler_may_want_to_end():
    rig = Rig(stay=False)
    rig.spares.began("a", "/python")
    rig.spares.ended("a", 1)
    assert rig.spares.names
    rig.spares.ended("a", 0)
    assert not rig.spares.names
    assert rig.ray.killed == rig.made


def test_none_wait_where_the_interpreter_is_not_there_or_none_are_wanted():
    rig = Rig(warm=False)
    rig.spares.began("a", "/python")
    assert rig.ray.killed == rig.made != []
    assert not rig.spares.names
    none = Rig(count=0)
    none.spares.began("a", "/python")
    assert not none.made
