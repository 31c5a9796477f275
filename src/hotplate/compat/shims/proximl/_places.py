"""What runs endpoints for jobs: `hotplate up` (`_by_up`), or a `hotplate run` for each (`_by_run`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

LAST_LINES = 20

Lines = tuple[list[tuple[str, str]], Any]
"""Pairs of time (or "") and text, the oldest first, and where to go on."""


class State(NamedTuple):
    """How a job is: the status in proxiML's words, its URL while it has one, and why it failed."""

    status: str
    url: str = ""
    message: str = ""


class Place(Protocol):
    """Runs the endpoints of jobs. Each method is given what the job was made of, and all but two its folder."""

    def reserve(self, job: dict[str, Any]) -> dict[str, Any]:
        """Take what the job alone may have, such as a name; give what is to be kept of it with the job."""
        ...

    def start(self, folder: Path, job: dict[str, Any]) -> None:
        """Let it run, for the first time or again."""
        ...

    def stop(self, folder: Path, job: dict[str, Any]) -> None:
        """Let it end when it has answered what it has."""
        ...

    def forget(self, job: dict[str, Any]) -> None:
        """Give back what was reserved. Nothing of it runs any more, but for what this ends."""
        ...

    def state(self, folder: Path, job: dict[str, Any]) -> State:
        """How it is now."""
        ...

    def lines(self, folder: Path, job: dict[str, Any], after: Any, *, ended: bool) -> Lines:
        """What its log says after a place in it; None is the beginning."""
        ...

    def log(self, folder: Path, job: dict[str, Any]) -> Path:
        """The file of its log."""
        ...


def place_of(kind: str) -> Place:
    """Give a place by its name, `up` or `run`."""
    if kind == "run":
        from proximl._by_run import ByRun

        return ByRun()
    from proximl._by_up import ByUp

    return ByUp()
