"""What an endpoint's replicas print: newest on top, filtered, followed, older ones by scrolling, as a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from typing import Any

from starlette.responses import Response, StreamingResponse

from hotplate.control.endpoints import read_row
from hotplate.control.event_stream import BEAT, BEAT_S, event
from hotplate.control.logs import Follower
from hotplate.control.span import Span
from hotplate.control.tokens import authenticate
from hotplate.control.ui import live
from hotplate.control.ui.log_lines import LEVELS, STREAMS, Wanted, for_page, oldest_first, read_lines, read_wanted
from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.render import HEADERS, environment
from hotplate.control.ui.view import Page, View
from hotplate.control.ui.watch import LOOK_S
from hotplate.errors import HotplateError

LINES_LOOK_S = 0.5
MAX_AT_ONCE = 300
"""Lines that are sent at one look. Who prints more than a person can read has the rest in the file."""


def show(view: View) -> Page:
    """The page with its first lines."""
    values = head(view)
    wanted = read_wanted(view.query)
    found = read_lines(view.plane, view.name, wanted)
    replicas = sorted({each["replica_id"] for each in values["endpoint"]["replicas"]} | ({wanted.replica} - {""}))
    query = str(view.request.url.query)
    more = {"lines": found.entries, "older": found.older, "wanted": wanted, "replicas": replicas, "query": query}
    return Page("logs.html", values | more | {"levels": LEVELS, "streams": STREAMS})


def older(view: View) -> Response:
    """Lines before a place, as the page has them."""
    read_row(view.plane, view.name)
    found = read_lines(view.plane, view.name, read_wanted(view.query), view.query.get("before", ""))
    headers = {**HEADERS, "x-hotplate-older": found.older}
    return Response(_html(view.name, found.entries), headers=headers, media_type="text/html")


async def stream(view: View) -> Response:
    """Lines as they come."""
    wanted = read_wanted(view.query)
    await asyncio.to_thread(read_row, view.plane, view.name)
    return live.events(_follow(view, wanted))


async def _follow(view: View, wanted: Wanted) -> AsyncGenerator[bytes]:
    follower = await asyncio.to_thread(Follower, view.plane, view.name, Span())
    said = looked = time.monotonic()
    end = said + live.LONGEST_S
    sent, headed = live.Sent(), float("-inf")
    try:
        while time.monotonic() < end:
            if time.monotonic() - headed > LOOK_S:
                headed = time.monotonic()
                view.services.watch.seen()
                for told in await asyncio.to_thread(_news, view, sent):
                    said = headed
                    yield told
            entries = for_page(await asyncio.to_thread(follower.new), wanted)
            if entries:
                said = time.monotonic()
                html = _html(view.name, entries[:MAX_AT_ONCE])
                yield event({"html": html, "left_out": max(0, len(entries) - MAX_AT_ONCE)}, "lines")
            if time.monotonic() - said > BEAT_S:
                said = time.monotonic()
                yield BEAT
            if time.monotonic() - looked > BEAT_S:
                looked = time.monotonic()
                await asyncio.to_thread(authenticate, view.plane.database, view.session.token)
            await asyncio.sleep(LINES_LOOK_S)
    except HotplateError as error:  # the token was revoked
        yield event({"detail": error.message}, "over")
    finally:
        follower.close()


def _news(view: View, sent: live.Sent) -> list[bytes]:
    """What changed at the top of the page. A browser has six connections to a host: one for each page is enough."""
    return sent.news(view, Page("logs.html", head(view)))


def download(view: View) -> Response:
    """Every line that fits, as a text file."""
    read_row(view.plane, view.name)
    wanted = read_wanted(view.query)

    def texts() -> Iterator[str]:
        lines = (
            f"{each['timestamp']} {each['replica_id']} {each['stream']} {each['data']}\n"
            for each in oldest_first(view.plane, view.name, wanted)
        )
        while piece := "".join(islice(lines, 2000)):
            yield piece

    headers = {**HEADERS, "content-disposition": f'attachment; filename="{view.name}.log"'}
    return StreamingResponse(texts(), media_type="text/plain", headers=headers)


def _html(name: str, entries: list[dict[str, Any]]) -> str:
    return environment().get_template("log_lines.html").render(lines=entries, base=f"/ui/e/{name}")
