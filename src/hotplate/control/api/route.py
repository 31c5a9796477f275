"""A route as data: what it takes, what it gives, and which scope it needs. App and document are made of these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hotplate.control.plane import Caller, Plane
from hotplate.deployment.records import Scope

if TYPE_CHECKING:
    from starlette.requests import Request

    from hotplate.control.builds import Builds
    from hotplate.control.rollouts import Rollouts

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Call:
    """One request after everything that can be refused was refused."""

    plane: Plane
    rollouts: Rollouts
    builds: Builds
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    request: Request


Handler = Callable[[Call], Any] | Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query parameter, for the document. Handlers check what they get."""

    name: str
    help: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method and path below `PREFIX`.

    `scope` None: any valid token. `shared`: also tokens that are for some endpoints alone may call it, although no
    endpoint stands in the path. `body` is the record that the JSON is converted to, or None where there is none; with
    `raw_body` the handler reads it itself. `result` is the record that the answer is described by.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    scope: Scope | None
    handler: Handler
    summary: str
    tag: str
    body: Any = None
    raw_body: bool = False
    keep_body_as_dict: bool = False
    query: tuple[Query, ...] = ()
    result: Any = None
    content_type: str = "application/json"
    status: int = 200
    shared: bool = False

    @property
    def operation_id(self) -> str:
        """The handler's name, which is unique."""
        return self.handler.__name__.lstrip("_")
