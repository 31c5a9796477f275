"""How a page is asked for: whether a script or a person asks, from which origin, and what every page is given."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from hotplate.control.ui.view import Go, Page, Route, View
from hotplate.errors import Forbidden

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PROOF_HEADER = "x-hotplate-page"


def common(view: View, note: str = "") -> dict[str, Any]:
    """What every page has."""
    return {"caller": view.caller, "session": view.session, "note": note, "here": view.request.url.path}


def said(view: View) -> str:
    """What the last form left to be said, once."""
    note, view.session.note = view.session.note, ""
    return note


async def call(route: Route, view: View) -> Page | Go | Response:
    """Run a page's function: a plain one beside the event loop."""
    if inspect.iscoroutinefunction(route.handler):
        return await route.handler(view)
    return await asyncio.to_thread(route.handler, view)  # pyright: ignore[reportReturnType]


def check_origin(request: Request) -> None:
    """Raise Forbidden for a change that does not come from a page of this very origin."""
    origin = request.headers.get("origin", "")
    if origin.lower() != f"{request.url.scheme}://{request.headers.get('host', '')}".lower():
        raise Forbidden("A change is taken from this dashboard's own pages alone.")


def wants_json(request: Request) -> bool:
    """Whether a script of ours asks."""
    return request.headers.get("accept", "").startswith("application/json") or PROOF_HEADER in request.headers
