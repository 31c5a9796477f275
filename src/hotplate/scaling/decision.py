"""What a policy decided, with everything that it looked at and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Inputs = Mapping[str, float | int | str]


class Wish(msgspec.Struct, frozen=True):
    """What a policy would have, before floor, ceiling and the rules about zero. `wanted` is to be remembered."""

    size: int
    reason: str
    wanted: int | None
    inputs: Inputs


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas there are to be. `at` is the time of the clock that the history has."""

    at: float
    policy: str
    before: int
    after: int
    reason: str
    inputs: Inputs

    @property
    def changed(self) -> bool:
        """Whether it starts or ends any."""
        return self.before != self.after

    def text(self) -> str:
        """`1 -> 3: 12 calls …`."""
        return f"{self.before} -> {self.after}: {self.reason}"


def replicas(count: int) -> str:
    """`1 replica`, `3 replicas`."""
    return f"{count} replica{'s' * (count != 1)}"


def calls(count: float) -> str:
    """`1 call`, `2.5 calls`."""
    return f"{count:.4g} call{'s' * (count != 1)}"
