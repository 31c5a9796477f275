"""The records that the parts of the bench hand to each other. Data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class BenchError(Exception):
    """The measurement cannot go on. The text says what is missing and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request body as bytes, with its media type."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How one peer is asked to do one piece of work, and how its answer is read.

    `encode` turns the input (a prompt, or raw bytes) into a body; `decode` turns the answer's body into the value
    that is compared with the right one. `waited_us` reads from an answer how long the call took besides the function,
    from its whole body in the server's hands, where the server tells.
    """

    path: str
    encode: Callable[[Any], Body]
    decode: Callable[[bytes], Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    waited_us: Callable[[bytes], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A command that starts a server in the foreground. `env` is added to the bench's own environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One system under measurement.

    `launch(task, port, scratch)` gives the command that serves a task; `scratch` is an empty folder for what it
    writes. `calls` has one entry per piece of work that the system can do: what is not there is not measured.
    `distribution` is the package whose version is told; `version` tells it where there is no package.
    `locked` says that it has a requirements.txt and gets an environment of its own.
    """

    name: str
    title: str
    processes: str
    launch: Callable[[str, int, Path], Launch]
    calls: Mapping[str, Call]
    distribution: str = ""
    version: Callable[[], str] | None = None
    locked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line decides."""

    rounds: int
    window_s: float
    warmup_s: float
    repeats: int
    server_core: int
    client_core: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load generator saw. `errors` counts everything that is not a complete answer with status 2xx or 3xx."""

    requests: float
    duration_s: float
    errors: int
    client_cpu_s: float
    values: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement: one system, one variant of one workload, one round.

    `quiet` is false where other work on the machine took more than the allowed share of a core meanwhile.
    """

    workload: str
    variant: str
    system: str
    round: int
    values: Mapping[str, float]
    quiet: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A system that could not be measured, and what it said."""

    workload: str
    variant: str
    system: str
    round: int
    why: str
