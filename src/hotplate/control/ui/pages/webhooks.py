"""What webhooks of an endpoint's jobs were told, and whether it came to them; sent once more by hand."""

from __future__ import annotations

from typing import Any

from hotplate.control.settings import refused
from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.pages.jobs import send_again
from hotplate.control.ui.server_calls import ask
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.errors import NotFound

STATES = ("waiting", "delivered", "failed")


def show(view: View) -> Page:
    """The newest messages, of one state or of all."""
    state = view.query.get("state", "")
    if state not in ("", *STATES):
        raise refused("state", f"is one of {', '.join(STATES)}.")
    values = head(view) | {"states": STATES, "state": state, "here": f"{PREFIX}/e/{view.name}/jobs"}
    try:
        found: Any = ask(view, "GET", f"/jobs/-/webhooks{f'?state={state}' if state else ''}")
    except NotFound:
        found = {"webhooks": []}
    return Page("webhooks.html", values | {"hooks": found["webhooks"]})


def redeliver(view: View) -> Go:
    """Send a message once more."""
    send_again(view)
    return Go(f"{PREFIX}/e/{view.name}/webhooks", "The message is sent again.")
