"""An endpoint's own page: charts, replicas, events, why there are as many replicas as there are; and its switches."""

from __future__ import annotations

import time
from typing import Any

from hotplate.control import endpoints
from hotplate.control.endpoints import read_row
from hotplate.control.events import read_decisions, read_events
from hotplate.control.settings import refused
from hotplate.control.span import Span
from hotplate.control.ui.pages import figures
from hotplate.control.ui.view import PREFIX, Go, Page, View


def head(view: View) -> dict[str, Any]:
    """What the top of each of an endpoint's pages shows."""
    found = endpoints.get_endpoint(view.plane, view.name, view.services.watch.states)
    return {"endpoint": found, "base": f"{PREFIX}/e/{view.name}"}


def show(view: View) -> Page:
    """The overview."""
    values = head(view)
    watch = view.services.watch
    state = watch.states.get(view.name, {})
    history = watch.history(view.name)
    end = int(time.time() / 5) * 5.0
    values |= {
        "now": figures.numbers(history, state),
        "charts": figures.charts(history, end),
        "running": sum(each["status"] == "running" for each in values["endpoint"]["replicas"]),
        "numbers": numbers_of(view),
        "decisions": read_decisions(view.plane, view.name, 5),
        "events": read_events(view.plane, view.caller, view.name, Span(limit=8))[::-1],
    }
    return Page("overview.html", values)


def numbers_of(view: View) -> dict[str, int]:
    """The number of each revision by its digest."""
    rows = view.plane.database.rows("SELECT number, digest FROM revisions WHERE endpoint = ?", (view.name,))
    return {row["digest"]: row["number"] for row in rows}


def events(view: View) -> Page:
    """What happened, the newest first."""
    found = read_events(view.plane, view.caller, view.name, Span(limit=300))
    return Page("events.html", head(view) | {"events": found[::-1]})


def scaling(view: View) -> Page:
    """Each decision about the number of replicas, with what it was made from."""
    read_row(view.plane, view.name)
    return Page("scaling.html", head(view) | {"decisions": read_decisions(view.plane, view.name, 100)})


def pause(view: View) -> Go:
    """Stop serving."""
    endpoints.update_endpoint(view.plane, view.caller, view.name, {"endpoint_state": "disabled"})
    return Go(f"{PREFIX}/e/{view.name}", f"{view.name} is paused. Calls to it are refused.")


def start(view: View) -> Go:
    """Serve again."""
    endpoints.update_endpoint(view.plane, view.caller, view.name, {"endpoint_state": "active"})
    view.services.rollouts().wake()
    return Go(f"{PREFIX}/e/{view.name}", f"{view.name} takes calls again.")


def delete(view: View) -> Go:
    """Delete, once its name was typed."""
    if view.form.text("confirm") != view.name:
        raise refused("confirm", f"Type {view.name} to delete it.")
    endpoints.delete_endpoint(view.plane, view.caller, view.name)
    return Go(f"{PREFIX}/", f"{view.name} is deleted. Its built revisions and volumes are still on disk.")
