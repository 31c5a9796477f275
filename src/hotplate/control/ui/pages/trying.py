"""Try it: a form for each route of an endpoint, made by the scripts of the documentation page from its contract.

The browser holds no token. What a form sends goes through here, and on to the server with the session's token: the
server decides what it may.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from hotplate.contract.openapi import document
from hotplate.control.endpoints import get_endpoint, read_row
from hotplate.control.publication import read_revision, traffic_decoder
from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.tunnel import send
from hotplate.control.ui.view import Page, View
from hotplate.errors import NotFound


def show(view: View) -> Page:
    """The page; its script reads the document beside it."""
    values = head(view)
    return Page("try.html", values | {"proof": view.session.page_proof()})


def openapi(view: View) -> Response:
    """The OpenAPI document of the revision that has most of the traffic; it does not need to be running."""
    row = read_row(view.plane, view.name)
    traffic = traffic_decoder.decode(row["traffic"])
    if not traffic:
        raise NotFound(f"Nothing is deployed to {view.name} yet.")
    digest = max(traffic, key=lambda share: share.percent).revision
    contract = read_revision(view.plane.home, digest).contract
    written: dict[str, Any] = document(contract, title=view.name, version=digest[:12])
    if get_endpoint(view.plane, view.name, view.services.watch.states)["visibility"] == "private":
        written["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return Response(msgspec.json.encode(written), media_type="application/json")


async def call(view: View) -> Response:
    """Send a call on."""
    return await send(view)
