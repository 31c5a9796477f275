"""What the runner goes by: its settings, and what an endpoint and its workers are for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from hotplate.edge.exchange import Exchange
from hotplate.jobs.blobs import INLINE_BYTES
from hotplate.jobs.verdict import Tries


class Link(Protocol):
    """A worker, as far as jobs look at it."""

    pending: dict[int, Exchange]
    ready: bool
    capacity: int
    process: Any
    output: Any

    def open_checks(self, path: str) -> None:
        """Tell the worker where to check inputs."""
        ...


class Part(Protocol):
    """A revision of an endpoint that takes calls."""

    @property
    def links(self) -> Sequence[Link]:
        """Its workers."""
        ...

    def find(self, method: str, path: str) -> tuple[int, str] | None:
        """The index of the mount that a kept call names, and where its face has an error's text; None: no route."""
        ...


class Endpoint(Protocol):
    """Whatever takes an endpoint's calls now: one revision, or several between which the calls are divided."""

    @property
    def links(self) -> Sequence[Link]:
        """The workers of all that take calls."""
        ...

    @property
    def parts(self) -> Sequence[Part]:
        """Those revisions, the newest last. None: a job has to wait."""
        ...

    def find(self, method: str, path: str) -> tuple[int, str] | None:
        """As a part says; of several, the newest one that knows the route."""
        ...

    def submit(self, exchange: Exchange) -> None:
        """Run, queue or refuse a job's call."""
        ...

    def cancel(self, exchange: Exchange) -> None:
        """Give up on it."""
        ...

    def expect(self, jobs: int) -> None:
        """Say how many jobs wait in the store, for the autoscaler."""
        ...

    def mask(self, text: str) -> str:
        """Take secrets out of a text that a worker has printed."""
        ...


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The runner's settings, in seconds and bytes."""

    timeout_s: float = 900.0
    inline_bytes: int = INLINE_BYTES
    """A larger result is kept as a blob."""
    most_result_bytes: int = 100 * 1024 * 1024
    tries: Tries = Tries()
    strangers: bool = False
    """Other servers have the endpoint too, and may have got its newest revision before this one."""
    single: frozenset[str] = frozenset()
    """Origins whose jobs have one try: a failure is their answer."""
