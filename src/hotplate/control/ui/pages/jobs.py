"""An endpoint's jobs: a live list, each with its progress, attempts, error and webhooks; cancelled and retried."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from hotplate.control.settings import refused
from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.pages.training import artifacts_of
from hotplate.control.ui.server_calls import ask
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.errors import HotplateError, NotFound

STATES = ("queued", "running", "retrying", "completed", "failed", "dead", "cancelled")
ENDED = ("completed", "failed", "dead", "cancelled")
PAGE = 50


def show(view: View) -> Page:
    """The newest jobs, of one state or of all."""
    state = read_state(view)
    before = view.query.get("before", "")
    query = {"limit": str(PAGE)} | ({"state": state} if state else {}) | ({"before": before} if before else {})
    values = head(view) | {"states": STATES, "state": state, "ended": ENDED, "none": ""}
    try:
        found = ask(view, "GET", f"/jobs?{urlencode(query)}")
    except NotFound:
        return Page("jobs.html", values | {"jobs": [], "older": "", "none": "This endpoint keeps no jobs."})
    older = found.get("next_before")
    link = f"?{urlencode(({'state': state} if state else {}) | {'before': older})}" if older else ""
    return Page("jobs.html", values | {"jobs": found["jobs"], "older": link})


def read_state(view: View) -> str:
    """The state that a list is filtered by, or none."""
    state = view.query.get("state", "")
    if state not in ("", *STATES):
        raise refused("state", f"is one of {', '.join(STATES)}.")
    return state


def one(view: View) -> Page:
    """A job, what its webhooks were told, and what a training was given and left."""
    found = ask(view, "GET", place_of(view))
    values = {"job": found, "ended": ENDED, "hooks": _hooks(view), "here": f"{PREFIX}/e/{view.name}/jobs"}
    return Page("job.html", head(view) | values | {"artifacts": artifacts_of(view, found)})


def _hooks(view: View) -> list[dict[str, Any]]:
    """None where this token may not see them."""
    try:
        found = ask(view, "GET", f"{place_of(view)}/webhooks")
    except HotplateError:
        return []
    return found.get("webhooks") or []


def cancel(view: View) -> Go:
    """End it."""
    ask(view, "DELETE", place_of(view))
    return Go(_page(view), "The job is cancelled.")


def retry(view: View) -> Go:
    """Run it again."""
    ask(view, "POST", f"{place_of(view)}/retry")
    return Go(_page(view), "The job runs again.")


def redeliver(view: View) -> Go:
    """Send a message once more."""
    send_again(view)
    return Go(_page(view), "The message is sent again.")


def send_again(view: View) -> None:
    """Ask the server to send the message of the path once more."""
    ask(view, "POST", f"/jobs/-/webhooks/{quote(view.path['message'], safe='')}/redeliver")


def place_of(view: View) -> str:
    """Where the server has the job of the path, below its endpoint."""
    return f"/jobs/{quote(view.path['job'], safe='')}"


def _page(view: View) -> str:
    return f"{PREFIX}/e/{view.name}/jobs/{quote(view.path['job'], safe='')}"
