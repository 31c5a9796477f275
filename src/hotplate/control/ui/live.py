"""Sends the parts of an open page that changed, as server-sent events, until the page is left.

A browser has six connections to a host for all its tabs, so pages listen only while they are seen (static/live.js).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping

from starlette.responses import Response

from hotplate.control.event_stream import BEAT, BEAT_S, Followers, event
from hotplate.control.log import log
from hotplate.control.tokens import authenticate
from hotplate.control.ui import render
from hotplate.control.ui.asking import call, common
from hotplate.control.ui.view import Page, Route, View, check
from hotplate.errors import HotplateError

MAX_OPEN = 128
LONGEST_S = 3600.0
PATIENCE_S = 10.0
"""How long to wait for a look at the server; then the page is made anew all the same."""

followers = Followers(MAX_OPEN, "pages are open")


def stream(route: Route, view: View, first: Page) -> Response:
    """The stream of a page that was just made."""
    return events(_changes(route, view, first))


def events(parts: AsyncGenerator[bytes]) -> Response:
    """Send events to a page, with its headers."""
    return followers.answer(parts, render.HEADERS)


async def _changes(route: Route, view: View, first: Page) -> AsyncGenerator[bytes]:
    sent = Sent()
    made: object = first
    said, end = time.monotonic(), time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        if isinstance(made, Page):
            for told in await _written(sent, view, made):
                said = time.monotonic()
                yield told
        if time.monotonic() - said > BEAT_S:
            said = time.monotonic()
            yield BEAT
        try:
            await asyncio.wait_for(view.services.watch.next_look(), PATIENCE_S)
        except TimeoutError:
            pass
        try:
            check(route, await asyncio.to_thread(authenticate, view.plane.database, view.session.token), view.path)
            made = await call(route, view)
        except HotplateError as error:  # signed out, or what the page was about is gone
            yield event({"detail": error.message}, "over")
            return
        except Exception as error:  # noqa: BLE001 - one odd look must not end the page
            made = None
            log("error", f"{route.path} could not be made anew: {type(error).__name__}: {error}")


async def _written(sent: Sent, view: View, made: Page) -> list[bytes]:
    try:
        return await asyncio.to_thread(sent.news, view, made)
    except Exception as error:  # noqa: BLE001 - as above
        log("error", f"{made.template} could not be written anew: {type(error).__name__}: {error}")
        return []


class Sent:
    """What a page has been sent already: its parts, and of long lists the elements."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}
        self._items: dict[str, Mapping[str, str]] = {}

    def news(self, view: View, made: Page) -> list[bytes]:
        """Events for what is new. A list that has the same elements in the same order is sent in single ones."""
        told: list[bytes] = []
        alone: dict[str, str] = {}
        kept: set[str] = set()
        for name, items in made.items.items():
            before = self._items.get(name)
            self._items[name] = items
            if before is not None and list(before) == list(items):
                kept.add(name)
                alone |= {key: str(html) for key, html in items.items() if before[key] != html}
        if alone:
            told.append(event(alone, "items"))
        values = common(view) | dict(made.values)
        parts = dict(render.live_blocks(made.template, values, kept))
        changed = {name: html for name, html in parts.items() if name in made.items or self._parts.get(name) != html}
        self._parts |= {name: html for name, html in changed.items() if name not in made.items}
        if changed:
            told.append(event(changed, "parts"))
        return told
