"""What every workload is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.records import Settings
from bench.servers import Server

Values = dict[str, float]
Measured = tuple[Values, bool]
"""What one measurement gives: its values, and whether the machine was quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One column of a table. `unit` is told in the heading; `digits` after the point."""

    name: str
    unit: str
    digits: int = 0
    higher_is_better: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row of questions: which of a peer's calls it uses, with what value, and what the right answer is.

    `measure(server, settings)` is called when the server has given the right answer.
    """

    name: str
    call: str
    value: Any
    expected: Any
    measure: Callable[[Server, Settings], Measured]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One question. `task` is what the servers are started for.

    `pinned` puts the whole server on one core; without it the server has every core. `shared` lets it use a server
    that other workloads of the same task use too. `main` is the metric that is compared, and `references` are the
    systems that the others are compared with. `extra` are stand-ins that are no servers, measured once a round and
    told with the variant `extra_of`, or with the first.
    """

    name: str
    title: str
    task: str
    metrics: tuple[Metric, ...]
    variants: tuple[Variant, ...]
    references: tuple[str, ...] = ()
    pinned: bool = True
    shared: bool = True
    bound: float | None = None
    extra: Mapping[str, Callable[[Settings], Measured]] = field(
        default_factory=dict[str, Callable[[Settings], Measured]]
    )
    extra_of: str = ""

    @property
    def main(self) -> Metric:
        """The first metric is the one that counts."""
        return self.metrics[0]

    @property
    def extra_variant(self) -> Variant:
        """Where stand-ins are told."""
        return next((variant for variant in self.variants if variant.name == self.extra_of), self.variants[0])


RATE = Metric(name="rate", unit="req/s", higher_is_better=True)
P50 = Metric(name="p50_ms", unit="p50 ms", digits=2)
P99 = Metric(name="p99_ms", unit="p99 ms", digits=2)
CPU = Metric(name="cpu_us", unit="CPU µs/req", digits=1)
ERRORS = Metric(name="errors", unit="errors")
