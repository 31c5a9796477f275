"""What a target is to the server: it starts cells, ends them, and tells of those that are gone.

A *cell* is where one replica runs: a process, an actor, a pod. In it runs `hotplate serve --replica` (`command.py`),
which waits to be told by the server, over an authenticated link, with which variables and secrets to start; so a
target never sees a secret but the cell's token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hotplate.deployment.home import Home
from hotplate.deployment.records import Hardware, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """One replica that is wanted.

    `name` is this replica's alone, on this installation and every other that uses the same cluster: letters, digits
    and `-`, at most 63. `number` is what people know it by. `revision` is as it lies on this machine: where it lies
    elsewhere is for the target to see to. `token` lets callers in: it may stand in a cell's environment or in a secret
    of the cluster, and in no log and no command line. `environment` is what has to be there when a process starts
    (`MALLOC_…`); no secret is in it, and all else is sent over the link. `slots` is how many calls it will be sent at
    once, where that is known. `options` are the endpoint's own values of the settings whose names begin with the
    target's (`ray_…`).
    """

    endpoint: str
    name: str
    number: int
    revision: Revision
    hardware: Hardware
    token: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    slots: int | None = None
    options: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A place in which a replica is or will soon be reached. `where` names it for people: a node, a pod.

    `name` is the request's. `host` and `port` are those of `hotplate serve` there, `tls` says that it speaks TLS.
    `given` is what it has of GPUs and the like as environment variables, if its worker would not find them in its
    process's own. `marks` gives, once the target has told that the cell is gone, what the replica marked there
    (`wire/marks.py`); None where that cannot be had. `ref` is the target's own, such as a handle.
    """

    name: str
    host: str
    port: int
    where: str = ""
    tls: bool = False
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    marks: Callable[[], bytes] | None = None
    ref: object = None


class Lost(Protocol):
    """Who is told that a cell is gone, with the reason in words. `own`: its process ended by itself, and the place in
    which it ran is still there, so that it counts as a crash."""

    def __call__(self, reason: str, *, own: bool = False) -> None:
        """Hear it."""
        ...


class Target(Protocol):
    """One for each server and kind. All of it runs on the server's loop and must not block it.

    What fails raises `TargetRefused` (it cannot be had: no such GPU, another version, no image) or
    `TargetUnavailable` (no answer, no room now), in words that say what to do.
    """

    kind: str

    async def check(self, request: StartRequest) -> None:
        """See, before anything is changed, whether such a replica could be had: reached, understood, not too large."""
        ...

    async def start(self, request: StartRequest) -> Cell:
        """Start a cell, and give it as soon as its address is known; whether it answers is not waited for.

        Where this is cancelled, or fails, nothing stays behind.
        """
        ...

    def watch(self, cell: Cell, lost: Lost) -> None:
        """Call `lost` once, on the loop, when the target knows that the cell is gone.

        After `end` it need not be called. The last `lost` counts.
        """
        ...

    async def end(self, cell: Cell) -> None:
        """End a cell at once, with all that ran in it, and let go of what it had. It need not be there any more.

        Its calls have ended by then: the server asks the replica itself to finish them.
        """
        ...

    async def clear(self) -> None:
        """Remove the cells that a server of this installation before this one has left. Called once, at the start."""
        ...

    async def close(self) -> None:
        """The server ends: let go of the cluster. What still runs there is ended by then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a target may know of its server. `options` are the server's values of the settings whose names begin with
    the target's (`ray_…`).

    `warn` writes to the server's log; `note(endpoint, kind, text)` makes an event of an endpoint.
    """

    home: Home
    options: Mapping[str, object]
    warn: Callable[[str], None]
    note: Callable[[str, str, str], None]
