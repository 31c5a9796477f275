"""What the fault driver does, drawn from a seed: every job, every call, every blow. The same seed gives the same plan.

Each job and each call has a generator of its own, so that how fast they go out changes none of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Kind = Literal["work", "fail", "cancel"]
Victim = Literal["worker", "server", "freeze", "control", "database"]


@dataclass(frozen=True)
class Call:
    """One call or job. `fail` raises in the model; `cancel` is cancelled once it is acknowledged."""

    uuid: str
    kind: Kind
    ms: int


@dataclass(frozen=True)
class Blow:
    """At so many seconds after the start: kill -9 of a worker of a server, of the server itself or of control, or a
    SIGSTOP of the server.

    `pick`, from 0 to 1, says which of its workers.
    """

    at_s: float
    victim: Victim
    server: int
    pick: float


@dataclass(frozen=True)
class Plan:
    seed: int
    seconds: float
    rate: float = 50.0
    """Jobs per second."""
    call_rate: float = 10.0
    """Calls per second that wait for their answer, beside the jobs."""
    blow_mean_s: float = 4.0
    servers: int = 2
    victims: tuple[Victim, ...] = ("worker",) * 5 + ("server",) * 3 + ("freeze",) * 2

    def job(self, number: int) -> Call:
        chance = random.Random(f"{self.seed} job {number}")
        kind: Kind = chance.choices(("work", "fail", "cancel"), (96, 2, 2))[0]
        ms = chance.choices((1, 5, 50, 300), (50, 30, 15, 5))[0]
        return Call(f"{self.seed}-{number}-{chance.getrandbits(48):012x}", kind, ms)

    def call(self, number: int) -> Call:
        chance = random.Random(f"{self.seed} call {number}")
        return Call(f"call-{self.seed}-{number}-{chance.getrandbits(48):012x}", "work", chance.choice((1, 5, 50)))

    @property
    def blows(self) -> tuple[Blow, ...]:
        """Poisson in time."""
        chance = random.Random(f"{self.seed} blows")
        found: list[Blow] = []
        at_s = 0.0
        while True:
            at_s += chance.expovariate(1 / self.blow_mean_s)
            blow = Blow(round(at_s, 3), chance.choice(self.victims), chance.randrange(self.servers), chance.random())
            if at_s >= self.seconds:
                return tuple(found)
            found.append(blow)
