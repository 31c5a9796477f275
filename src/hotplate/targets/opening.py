"""The targets by their names. Each is imported when an endpoint wants it, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotplate.errors import TargetRefused

if TYPE_CHECKING:
    from hotplate.targets.base import Surroundings, Target

REMOTE = ("loopback", "ray")
"""Those whose replicas are reached by HTTP. `local` and `docker` are the server's own (`server/placement.py`)."""


def open_target(kind: str, around: Surroundings) -> Target:
    """Make one. Raises TargetRefused, and MissingExtra where its client library is not installed."""
    if kind == "loopback":
        from hotplate.targets.loopback import Loopback

        return Loopback(around)
    if kind == "ray":
        from hotplate.targets.ray.target import Ray

        return Ray(around)
    raise TargetRefused(f"There is no target `{kind}` here. Those that there are: local, docker, {', '.join(REMOTE)}.")
