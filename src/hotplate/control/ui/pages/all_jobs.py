"""The jobs of every endpoint that a token is for, in one live list, with filters."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from hotplate.control.api.access import check_endpoint_access
from hotplate.control.server_link import read_jobs
from hotplate.control.settings import refused
from hotplate.control.ui.pages.jobs import PAGE, STATES, read_state
from hotplate.control.ui.view import Page, View

KINDS = {"": "all", "http": "calls", "deepaas": "trainings", "cortex": "Cortex", "octoai": "OctoAI"}
"""How they came, by the words of the store."""


def show(view: View) -> Page:
    """The newest jobs that fit."""
    endpoint, kind, state = view.query.get("endpoint", ""), view.query.get("kind", ""), read_state(view)
    if kind not in KINDS:
        raise refused("kind", f"is one of {', '.join(filter(None, KINDS))}.")
    rows = view.plane.database.rows("SELECT name FROM endpoints ORDER BY name")
    names = [row["name"] for row in rows if view.caller.reaches(row["name"])]
    if endpoint:
        check_endpoint_access(view.caller, endpoint)
    asked: dict[str, Any] = {
        "endpoints": [endpoint] if endpoint else (names if view.caller.endpoints else None),
        "states": [state] if state else [],
        "origin": kind,
        "before": _before(view.query.get("before", "")),
        "limit": PAGE,
    }
    found = read_jobs(view.plane.home.server_socket, asked)
    chosen = {"endpoint": endpoint, "state": state, "kind": kind}
    wanted = {name: value for name, value in chosen.items() if value}
    older = (found or {}).get("next_before")
    values = {
        **chosen,
        "names": names,
        "states": STATES,
        "kinds": KINDS,
        "jobs": (found or {}).get("jobs", []),
        "away": found is None,
        "older": f"?{urlencode(wanted | {'before': older})}" if older else "",
        "links": {each: f"?{urlencode({**wanted, 'state': each})}" for each in STATES},
        "any": f"?{urlencode({name: value for name, value in wanted.items() if name != 'state'})}",
    }
    return Page("all_jobs.html", values)


def _before(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise refused("before", "is no place in the list.")
    return int(text or 0)
