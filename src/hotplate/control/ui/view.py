"""What a page's function works with, and a page as data: where it is, who may see it, what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hotplate.control.api.access import check_endpoint_access
from hotplate.control.plane import Caller, Plane
from hotplate.deployment.records import Scope
from hotplate.errors import Forbidden

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from hotplate.control.rollouts import Rollouts
    from hotplate.control.ui.deploys import Deploys
    from hotplate.control.ui.forms import Form
    from hotplate.control.ui.sessions import Session
    from hotplate.control.ui.watch import Watch

PREFIX = "/ui"
ENDPOINT = "name"
"""The path parameter that names an endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all pages share."""

    plane: Plane
    rollouts: Callable[[], Rollouts]
    watch: Watch
    deploys: Deploys


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One request of somebody who may make it."""

    services: Services
    caller: Caller
    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Form
    request: Request

    @property
    def plane(self) -> Plane:
        """The installation."""
        return self.services.plane

    @property
    def name(self) -> str:
        """The endpoint in the path."""
        return self.path[ENDPOINT]

    def may(self, scope: Scope) -> bool:
        """Whether the caller's token covers a scope."""
        return self.caller.may(scope)


@dataclass(frozen=True, slots=True)
class Page:
    """A template with its values. One with live blocks is sent again, in parts, to who keeps it open.

    `items` are the elements in a live block by their ids, where they are many: only those that changed are sent.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    items: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


@dataclass(frozen=True, slots=True)
class Go:
    """What follows a form: another page, and what is said there once."""

    to: str
    note: str = ""


Result = "Page | Go | Response"
Handler = Callable[[View], "Page | Go | Response"] | Callable[[View], Awaitable["Page | Go | Response"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method and path below `PREFIX`. One of `scopes` is enough; none: anybody who is signed in.

    `proof` says how a change shows that a page of the same sign-in sent it: by a field of its form, or in a header.
    `whole` pages are about the installation: a token for some endpoints alone has no business there.
    `raw` handlers read the body themselves.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    scopes: tuple[Scope, ...] = ()
    proof: Literal["form", "header"] = "form"
    whole: bool = False
    raw: bool = False


def check(route: Route, caller: Caller, path: Mapping[str, str]) -> None:
    """Raise Forbidden unless the token covers the page and the endpoint in its path."""
    if route.scopes and not any(caller.may(scope) for scope in route.scopes):
        raise Forbidden(
            f"This needs a token with the scope {' or '.join(route.scopes)}; yours has {', '.join(caller.scopes)}."
        )
    if ENDPOINT in path:
        check_endpoint_access(caller, path[ENDPOINT])
    elif route.whole and caller.endpoints:
        raise Forbidden(f"Your token is for {', '.join(caller.endpoints)} alone.")
